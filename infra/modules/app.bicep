// The app: Flex Consumption, Python 3.13, no secret. What this plan sets itself is not set here; it refuses or ignores
// FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION, WEBSITE_RUN_FROM_PACKAGE, WEBSITE_CONTENTSHARE and their like.
param name string
param location string
param tags object
param identityId string
param clientId string

@description('Address of the container for the app\'s package.')
param deployments string

@description('Subnet for outgoing traffic; empty for none.')
param subnetId string
param mostInstances int

@description('Connection string of Application Insights: an address, and no key that would be accepted.')
param insights string

@description('Whether the host speaks OpenTelemetry; then its sampling settings of host.json do not count.')
param openTelemetry bool

@description('Address of an OTLP collector that gets logs and traces too; empty for none.')
param otlpEndpoint string

@description('The settings of shared/settings.py by their variables.')
param settings object

@description('Addresses and keys of alert channels, by their settings.')
@secure()
param channels object

var platform = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  PYTHON_THREADPOOL_THREAD_COUNT: '16' // one for each message in hand; docs/pace.md
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
}

// Assumed: the host keeps to the sampler that the OpenTelemetry specification names here, so that no line is dropped.
var openTelemetrySettings = openTelemetry
  ? { AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry', OTEL_TRACES_SAMPLER: 'always_on' }
  : {}
var otlpSettings = empty(otlpEndpoint) ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint }

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: empty(subnetId) ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: map(items(union(platform, openTelemetrySettings, otlpSettings, settings, channels)), each => { name: each.key, value: each.value })
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deployments
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: mostInstances }
    }
  }
}

output id string = app.id
output name string = app.name
