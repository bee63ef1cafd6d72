// Private addresses of the storage account and of the app, for a network that exists already.
param location string
param tags object
param storageId string
param appId string
param subnetId string
param zoneIds object

var targets = [
  { id: storageId, part: 'blob' }
  { id: storageId, part: 'queue' }
  { id: storageId, part: 'table' }
  { id: appId, part: 'sites' }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [for each in targets: {
  name: 'pep-${last(split(each.id, '/'))}-${each.part}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: each.part, properties: { privateLinkServiceId: each.id, groupIds: [each.part] } }
    ]
  }
}]

resource zones 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (each, i) in targets: {
  parent: endpoint[i]
  name: 'default'
  properties: { privateDnsZoneConfigs: [{ name: each.part, properties: { privateDnsZoneId: zoneIds[each.part] } }] }
}]
