// What Azure Resource Manager tells of one subscription. Such a topic is global, and a global topic has no identity.
param name string
param source string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: 'global'
  properties: { source: source, topicType: 'Microsoft.Resources.Subscriptions' }
}
