// A Backup vault for the servers of one region: what was deleted can be brought back, and every job is in the logs.
@minLength(2)
@maxLength(50)
param name string
param location string
param tags object
param redundancy 'LocallyRedundant' | 'ZoneRedundant' | 'GeoRedundant'
param immutability 'Disabled' | 'Unlocked' | 'Locked'
param softDeleteDays int
param workspaceId string

resource vault 'Microsoft.DataProtection/backupVaults@2026-06-01' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    storageSettings: [{ datastoreType: 'VaultStore', type: redundancy }]
    securitySettings: {
      softDeleteSettings: { state: 'AlwaysOn', retentionDurationInDays: softDeleteDays }
      immutabilitySettings: { state: immutability }
    }
    monitoringSettings: { azureMonitorAlertSettings: { alertsForAllJobFailures: 'Enabled' } }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'flexguard'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

output principalId string = vault.identity.principalId
