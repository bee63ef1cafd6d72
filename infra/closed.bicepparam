// An app that is closed to the internet, in a network that exists. Events come over a queue, since nobody outside the
// network can call the app. Put your own ids here.
using './main.bicep'

var region = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
var network = '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-network/providers/Microsoft.Network'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'production')
param location = region
param managedSubscriptions = split(readEnvironmentVariable('FLEXGUARD_SUBSCRIPTIONS'), ',')
param delivery = 'storage_queue'
param vaults = [
  { region: region, redundancy: 'GeoRedundant', immutability: 'Unlocked' }
]
param privateNetwork = {
  appSubnetId: '${network}/virtualNetworks/vnet-hub/subnets/snet-flexguard'
  endpointSubnetId: '${network}/virtualNetworks/vnet-hub/subnets/snet-endpoints'
  zoneIds: {
    blob: '${network}/privateDnsZones/privatelink.blob.core.windows.net'
    queue: '${network}/privateDnsZones/privatelink.queue.core.windows.net'
    table: '${network}/privateDnsZones/privatelink.table.core.windows.net'
    sites: '${network}/privateDnsZones/privatelink.azurewebsites.net'
  }
}
