// What azd gives: azd env set NAME VALUE. Everything else has the default of main.bicep.
using './main.bicep'

var region = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'production')
param location = region
param managedSubscriptions = split(readEnvironmentVariable('FLEXGUARD_SUBSCRIPTIONS'), ',')
param vaults = [
  { region: region, redundancy: 'ZoneRedundant', immutability: 'Unlocked' }
]
param alertEmails = filter(split(readEnvironmentVariable('FLEXGUARD_ALERT_EMAILS', ''), ','), each => !empty(each))
