// Events of the managed subscriptions, after the app's code: Event Grid asks the function before it subscribes it.
// postdeploy.sh runs this; it knows which subscriptions have a system topic already, since each can have only one.
targetScope = 'subscription'

type topicPlace = {
  subscription: string
  @description('Resource group and name of the topic: where it is, or where it is to be made.')
  group: string
  topic: string
  exists: bool
}

@description('Region for resource groups that are made here.')
param location string
param topics topicPlace[]

@description('Id of the function on_server_event.')
param functionId string

@description('Id of the app\'s storage account.')
param storageId string

@description('Action groups that hear of lost events.')
param actionGroups string[] = []
param delivery 'function' | 'storage_queue' = 'function'

@description('As whom Event Grid writes to storage: itself, the identity of a topic that exists and has one, or not at all.')
param writesAs 'event_grid' | 'topic_identity' | 'nobody' = 'event_grid'

module events 'modules/subscription_events.bicep' = [for each in topics: {
  scope: subscription(each.subscription)
  name: 'flexguard-events-${each.subscription}-${take(uniqueString(functionId), 6)}'
  params: {
    location: location
    group: each.group
    topic: each.topic
    exists: each.exists
    functionId: functionId
    storageId: storageId
    actionGroups: actionGroups
    delivery: delivery
    writesAs: writesAs
  }
}]
