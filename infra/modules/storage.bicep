// The app's memory: queues, ledger, snapshots, its own package, and the events that nobody took. No keys.
param name string
param location string
param tags object
param sku string

@description('The app\'s identity.')
param principalId string

@description('Whether only private endpoints, and Azure services that Azure trusts (Event Grid is one), get in.')
param isClosed bool
param delivery 'function' | 'storage_queue'

@description('Days for which evidence cannot be changed or taken away; 0: there is no container for it.')
param evidenceDays int

var queues = delivery == 'storage_queue'
  ? ['converge', 'converge-poison', 'events', 'events-poison']
  : ['converge', 'converge-poison']
var containers = ['flexguard', 'deployments', 'deadletters']
// Blob Data Owner is what the Functions host needs for its leases; queue and table are the app's and the host's.
var dataRoles = [
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  kind: 'StorageV2'
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
    networkAcls: { defaultAction: isClosed ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 14 }
    containerDeleteRetentionPolicy: { enabled: true, days: 14 }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for each in containers: {
  parent: blobs
  name: each
  properties: { publicAccess: 'None' }
}]

// Nobody changes or takes away a blob before it is so old. Whoever locks the policy cannot shorten it any more.
resource evidence 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = if (evidenceDays > 0) {
  parent: blobs
  name: 'evidence'
  properties: { publicAccess: 'None' }
}

resource evidenceKept 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (evidenceDays > 0) {
  parent: evidence
  name: 'default'
  properties: { immutabilityPeriodSinceCreationInDays: evidenceDays, allowProtectedAppendWrites: false }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for each in queues: {
  parent: queueService
  name: each
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource ledger 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = {
  parent: tableService
  name: 'flexguard'
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in dataRoles: {
  scope: account
  name: guid(account.id, principalId, role)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

// The product wants endpoints without the slash at their end.
var endpoints = account.properties.primaryEndpoints

output id string = account.id
output blobEndpoint string = substring(endpoints.blob, 0, length(endpoints.blob) - 1)
output queueEndpoint string = substring(endpoints.queue, 0, length(endpoints.queue) - 1)
output tableEndpoint string = substring(endpoints.table, 0, length(endpoints.table) - 1)
output deployments string = '${endpoints.blob}deployments'
