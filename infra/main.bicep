// Flexguard in one deployment to the subscription that it lives in. The event subscriptions come later, with
// events.bicep: they need the function, and the function needs its code.
targetScope = 'subscription'

type newVault = {
  @description('A vault protects servers of its own region only.')
  region: string
  redundancy: 'LocallyRedundant' | 'ZoneRedundant' | 'GeoRedundant'
  @description('Locked cannot be undone.')
  immutability: 'Disabled' | 'Unlocked' | 'Locked'
}

type network = {
  @description('Subnet of the app, delegated to Microsoft.App/environments.')
  appSubnetId: string
  @description('Subnet of the private endpoints.')
  endpointSubnetId: string
  @description('Private DNS zones of blob, queue, table and sites, by these names.')
  zoneIds: object
}

@description('Name of the environment; part of every name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of the app. Vaults have their own.')
@minLength(1)
param location string

@description('Subscriptions whose servers are managed. Nothing else is looked at.')
@minLength(1)
param managedSubscriptions string[] = [subscription().subscriptionId]

@description('Names of management groups: the sweep looks after every subscription below them. A custom role can be assigned in one (docs/deploy.md).')
@maxLength(1)
param managementGroups string[] = []

@description('Backup vaults to create, one for each region with servers. Name them in the rules file, by id or by tag.')
param vaults newVault[] = []

@description('Ids of Backup vaults that exist and may be used.')
param existingVaults string[] = []

@description('Days for which a deleted backup can be brought back. Soft delete itself is always on.')
@minValue(14)
@maxValue(180)
param softDeleteDays int = 14

@description('Who assigns the two roles that a vault needs: the app under a condition (roles.grant: server or resource_group in the rules file), this deployment for whole subscriptions, or nobody here (roles.grant: predeployed).')
param vaultRoles 'app' | 'deployment' | 'nobody' = 'app'

@description('How events come in: straight to the function, or over a storage queue where the app is closed to the internet.')
param delivery 'function' | 'storage_queue' = 'function'

@description('Whether alerts are published to an Event Grid topic too, for chats and tickets; the log has them anyway.')
param withAlertTopic bool = true

@description('Mail addresses that hear of alerts.')
param alertEmails string[] = []

@description('Action groups that exist already, and hear of alerts too.')
param actionGroups string[] = []

@description('Addresses and keys of the alert channels that the rules file names, by their settings (FLEXGUARD_CHANNEL_…, docs/alerts.md). Key Vault references keep them out of the app.')
@secure()
param channels object = {}

@description('The network of an app that is closed to the internet; null for one that is not.')
param privateNetwork network?

@description('Rules file, relative to the app.')
param rulesFile string = 'rules.yaml'

@description('Who may see the status page: who has a function key, who is signed in to Entra, or anybody.')
param statusAccess 'key' | 'entra' | 'anonymous' = 'key'

@description('Client id of the app registration that people sign in to; with statusAccess entra (docs/deploy.md).')
param signInClientId string = ''

@description('Days for which the evidence that is kept each day cannot be changed or taken away; 0 keeps none (docs/evidence.md).')
@minValue(0)
@maxValue(146000)
param evidenceDays int = 0

@description('Redundancy of the app\'s own storage.')
param storageSku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS' = 'Standard_ZRS'

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logDays int = 90

@description('Address of Azure Resource Manager; of a sovereign cloud where this is deployed in one.')
param armEndpoint string = environment().resourceManager

@description('Scope of tokens for storage. Sovereign clouds have the same one.')
param storageScope string = 'https://storage.azure.com/.default'

@description('Most instances of the app. They share Azure\'s limits, so more are not faster: 20 were measured beside 1 (docs/pace.md).')
@minValue(1)
@maxValue(1000)
param mostInstances int = 20

@description('Whether the Functions host exports OpenTelemetry (docs/decisions/0016): off, Application Insights gets all there is.')
param openTelemetry bool = false

@description('Address of an OTLP collector that gets logs and traces too. Needs openTelemetry.')
param otlpEndpoint string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName, flexguard: environmentName }
var vaultTags = { flexguard: environmentName }
var arm = endsWith(armEndpoint, '/') ? substring(armEndpoint, 0, length(armEndpoint) - 1) : armEndpoint
// Servers lie in the managed subscriptions, vaults here or where they already are.
var reached = union(managedSubscriptions, [subscription().subscriptionId], map(existingVaults, id => split(id, '/')[2]))
var grantsRoles = vaultRoles == 'app' && length(vaults) + length(existingVaults) > 0

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-flexguard-${environmentName}'
  location: location
  tags: tags
}

// Vaults outlive the tool, so they lie in a group of their own: whoever deletes the other keeps every backup.
resource vaultGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = if (!empty(vaults)) {
  name: 'rg-flexguard-${environmentName}-vaults'
  location: location
  tags: vaultTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: { name: 'id-flexguard-${token}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    token: token
    location: location
    tags: tags
    logDays: logDays
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    name: 'stflexguard${take(token, 13)}'
    location: location
    tags: tags
    sku: storageSku
    evidenceDays: evidenceDays
    principalId: identity.outputs.principalId
    isClosed: privateNetwork != null
    delivery: delivery
  }
}

module alertTopic 'modules/alert_topic.bicep' = if (withAlertTopic) {
  scope: group
  name: 'alert-topic'
  params: {
    name: 'evgt-flexguard-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module vault 'modules/vault.bicep' = [for (each, i) in vaults: {
  scope: vaultGroup
  name: 'vault-${i}'
  params: {
    name: 'bv-flexguard-${each.region}-${take(token, 6)}'
    location: each.region
    tags: tags
    redundancy: each.redundancy
    immutability: each.immutability
    softDeleteDays: softDeleteDays
    workspaceId: monitoring.outputs.workspaceId
  }
}]

module existingVault 'modules/existing_vault.bicep' = [for (id, i) in existingVaults: {
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  name: 'existing-vault-${i}-${take(token, 6)}'
  params: { name: last(split(id, '/')) }
}]

// A module of its own, because what two loops of modules say can be gathered, and not joined, in one expression.
module admitted 'modules/admitted.bicep' = {
  scope: group
  name: 'admitted'
  params: {
    created: [for (each, i) in vaults: vault[i].outputs.principalId]
    existing: [for (id, i) in existingVaults: existingVault[i].outputs.principalId]
  }
}

module roles 'modules/roles.bicep' = {
  name: 'flexguard-roles-${take(token, 6)}'
  params: { environmentName: environmentName, subscriptions: reached, managementGroups: managementGroups }
}

module access 'modules/access.bicep' = [for id in reached: {
  scope: subscription(id)
  name: 'flexguard-access-${id}-${take(token, 6)}'
  params: {
    appRole: roles.outputs.app
    granterRole: roles.outputs.granter
    grantsRoles: grantsRoles && contains(managedSubscriptions, id)
    principalId: identity.outputs.principalId
    vaultPrincipals: admitted.outputs.principals
  }
}]

module vaultAccess 'modules/vault_access.bicep' = [for id in managedSubscriptions: if (vaultRoles == 'deployment') {
  scope: subscription(id)
  name: 'flexguard-vaults-${id}-${take(token, 6)}'
  params: { vaultPrincipals: admitted.outputs.principals }
}]

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  params: {
    name: 'func-flexguard-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    clientId: identity.outputs.clientId
    deployments: storage.outputs.deployments
    subnetId: privateNetwork.?appSubnetId ?? ''
    mostInstances: mostInstances
    insights: monitoring.outputs.connection
    openTelemetry: openTelemetry
    otlpEndpoint: otlpEndpoint
    signInClientId: statusAccess == 'entra' ? signInClientId : ''
    settings: {
      FLEXGUARD_SUBSCRIPTIONS: join(managedSubscriptions, ',')
      FLEXGUARD_MANAGEMENT_GROUPS: join(managementGroups, ',')
      AzureWebJobsStorage__queueServiceUri: storage.outputs.queueEndpoint
      AzureWebJobsStorage__tableServiceUri: storage.outputs.tableEndpoint
      AzureWebJobsStorage__blobServiceUri: storage.outputs.blobEndpoint
      FLEXGUARD_ALERT_TOPIC: withAlertTopic ? alertTopic!.outputs.endpoint : ''
      AZURE_CLIENT_ID: identity.outputs.clientId
      FLEXGUARD_VAULT_IDENTITIES: join(admitted.outputs.principals, ',')
      FLEXGUARD_RULES: rulesFile
      FLEXGUARD_STATUS_ACCESS: statusAccess
      FLEXGUARD_EVIDENCE_CONTAINER: evidenceDays > 0 ? 'evidence' : ''
      FLEXGUARD_ARM_ENDPOINT: arm
      FLEXGUARD_ARM_SCOPE: '${arm}/.default'
      FLEXGUARD_STORAGE_SCOPE: storageScope
      FLEXGUARD_DELIVERY: delivery
    }
    channels: channels
  }
  dependsOn: [access]
}

module endpoints 'modules/private_endpoints.bicep' = if (privateNetwork != null) {
  scope: group
  name: 'private-endpoints'
  params: {
    location: location
    tags: tags
    storageId: storage.outputs.id
    appId: app.outputs.id
    subnetId: privateNetwork.?endpointSubnetId ?? ''
    zoneIds: privateNetwork.?zoneIds ?? {}
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
    actionGroups: actionGroups
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

// azd keeps these in its environment and gives them to the hook that runs events.bicep.
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output FLEXGUARD_APP_NAME string = app.outputs.name
output FLEXGUARD_FUNCTION_ID string = '${app.outputs.id}/functions/on_server_event'
output FLEXGUARD_STORAGE_ID string = storage.outputs.id
output FLEXGUARD_ACTION_GROUPS string = join(alerts.outputs.actionGroups, ',')
output FLEXGUARD_DELIVERY string = delivery
output FLEXGUARD_SUBSCRIPTIONS string = join(managedSubscriptions, ',')
