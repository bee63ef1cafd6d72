// What the app may do in one subscription. The right to assign roles comes under a condition: two roles, these vaults.
targetScope = 'subscription'

param appRole string
param granterRole string
param grantsRoles bool

@description('The app\'s identity.')
param principalId string
param vaultPrincipals array

var roles = loadJsonContent('../roles.json')

resource app 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, appRole)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource granter 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (grantsRoles) {
  name: guid(subscription().id, principalId, granterRole)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', granterRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
    conditionVersion: '2.0'
    condition: replace(roles.granter.condition, 'PRINCIPALS', join(vaultPrincipals, ', '))
  }
}
