// The principal ids of all vaults that may be used: these the app accepts, and to these alone it may give roles.
param created string[]
param existing string[]

output principals array = concat(created, existing)
