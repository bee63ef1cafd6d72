// A Backup vault that exists: nothing of it is changed, its identity is read. It needs a system-assigned one.
param name string

resource vault 'Microsoft.DataProtection/backupVaults@2026-06-01' existing = {
  name: name
}

output principalId string = vault.identity.principalId
