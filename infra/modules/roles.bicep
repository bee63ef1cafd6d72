// The two custom roles, as roles.json has them. That file is written from the product's own table: make roles.
targetScope = 'subscription'

param environmentName string

@description('Where they may be assigned.')
param subscriptions string[]

@description('At most one: Azure allows a custom role no more.')
param managementGroups string[]

var roles = loadJsonContent('../roles.json')
var scopes = concat(
  map(subscriptions, id => '/subscriptions/${id}'),
  map(managementGroups, name => '/providers/Microsoft.Management/managementGroups/${name}')
)

resource app 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, environmentName, 'flexguard')
  properties: {
    roleName: 'Flexguard (${environmentName})'
    description: roles.app.description
    type: 'CustomRole'
    permissions: [{ actions: roles.app.actions, notActions: [] }]
    assignableScopes: scopes
  }
}

resource granter 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, environmentName, 'flexguard-role-granter')
  properties: {
    roleName: 'Flexguard role granter (${environmentName})'
    description: roles.granter.description
    type: 'CustomRole'
    permissions: [{ actions: roles.granter.actions, notActions: [] }]
    assignableScopes: scopes
  }
}

output app string = app.name
output granter string = granter.name
