// The two roles of every vault, for all servers of one subscription: then the app needs no right to assign any.
targetScope = 'subscription'

param vaultPrincipals array

var roles = loadJsonContent('../roles.json')
var pairs = flatten(map(vaultPrincipals, vault => map(roles.vault.roles, role => { vault: vault, role: role })))

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for pair in pairs: {
  name: guid(subscription().id, pair.vault, pair.role)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', pair.role)
    principalId: pair.vault
    principalType: 'ServicePrincipal'
  }
}]
