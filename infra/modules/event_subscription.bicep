// Which events reach the app, how long they are tried again, where they end otherwise, and who hears of that.
param topic string
param functionId string
param storageId string
param actionGroups string[]
param delivery 'function' | 'storage_queue'
param writesAs 'event_grid' | 'topic_identity' | 'nobody'

// The servers themselves, their tags, and their backup instances. Other children of servers, such as firewall rules,
// and all that reads are left out. Names are compared without case; one filter may have 25 values.
var operations = [
  'Microsoft.DBforPostgreSQL/flexibleServers/write'
  'Microsoft.DBforPostgreSQL/flexibleServers/delete'
  'Microsoft.DBforPostgreSQL/flexibleServers/start/action'
  'Microsoft.DBforPostgreSQL/flexibleServers/restart/action'
  'Microsoft.Resources/tags/write'
  'Microsoft.Resources/tags/delete'
  'Microsoft.DataProtection/backupVaults/backupInstances/write'
  'Microsoft.DataProtection/backupVaults/backupInstances/delete'
  'Microsoft.DataProtection/backupVaults/backupInstances/stopProtection/action'
  'Microsoft.DataProtection/backupVaults/backupInstances/suspendBackups/action'
  'Microsoft.DataProtection/backupVaults/backupInstances/resumeProtection/action'
  'Microsoft.DataProtection/backupVaults/backupInstances/resumeBackups/action'
]
var destination = delivery == 'function'
  ? { endpointType: 'AzureFunction', properties: { resourceId: functionId, maxEventsPerBatch: 1, preferredBatchSizeInKilobytes: 64 } }
  : { endpointType: 'StorageQueue', properties: { resourceId: storageId, queueName: 'events', queueMessageTimeToLiveInSeconds: 604800 } }
var letters = { endpointType: 'StorageBlob', properties: { resourceId: storageId, blobContainerName: 'deadletters' } }
var topicIdentity = { type: 'SystemAssigned' }
var queueAsTopic = writesAs == 'topic_identity' && delivery == 'storage_queue'

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topic
}

resource subscribed 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: systemTopic
  name: 'flexguard'
  properties: {
    destination: queueAsTopic ? null : destination
    deliveryWithResourceIdentity: queueAsTopic ? { identity: topicIdentity, destination: destination } : null
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: [
        'Microsoft.Resources.ResourceWriteSuccess'
        'Microsoft.Resources.ResourceDeleteSuccess'
        'Microsoft.Resources.ResourceActionSuccess'
      ]
      isSubjectCaseSensitive: false
      advancedFilters: [{ operatorType: 'StringIn', key: 'data.operationName', values: operations }]
    }
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
    deadLetterDestination: writesAs == 'event_grid' ? letters : null
    deadLetterWithResourceIdentity: writesAs == 'topic_identity'
      ? { identity: topicIdentity, deadLetterDestination: letters }
      : null
  }
}

// The sweep finds within the hour what a lost event would have told; these alerts say that it had to.
resource lost 'Microsoft.Insights/metricAlerts@2018-03-01' = [for metric in ['DeadLetteredCount', 'DroppedEventCount']: {
  name: 'flexguard-${metric}'
  location: 'global'
  properties: {
    description: 'Event Grid could not deliver events to Flexguard and has given up on them. See docs/deploy.md.'
    severity: 2
    enabled: true
    scopes: [systemTopic.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: metric
          metricName: metric
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'EventSubscriptionName', operator: 'Include', values: [subscribed.name] }]
        }
      ]
    }
    actions: [for id in actionGroups: { actionGroupId: id }]
  }
}]
