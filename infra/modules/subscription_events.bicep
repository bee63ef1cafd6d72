// Events of one subscription: a resource group and a system topic, unless they exist, and what is subscribed there.
targetScope = 'subscription'

param location string
param group string
param topic string
param exists bool
param functionId string
param storageId string
param actionGroups string[]
param delivery 'function' | 'storage_queue'
param writesAs 'event_grid' | 'topic_identity' | 'nobody'

resource made 'Microsoft.Resources/resourceGroups@2025-04-01' = if (!exists) {
  name: group
  location: location
}

module systemTopic 'system_topic.bicep' = if (!exists) {
  scope: resourceGroup(group)
  name: 'flexguard-topic-${uniqueString(functionId)}'
  params: { name: topic, source: subscription().id }
  dependsOn: [made]
}

module subscribed 'event_subscription.bicep' = {
  scope: resourceGroup(group)
  name: 'flexguard-subscribed-${uniqueString(functionId)}'
  params: {
    topic: topic
    functionId: functionId
    storageId: storageId
    actionGroups: actionGroups
    delivery: delivery
    writesAs: writesAs
  }
  dependsOn: [systemTopic]
}
