// Who hears of it when the app says that something is wrong, when it fails, and when it is silent.
param location string
param tags object
param workspaceId string
param emails string[]

@description('Action groups that exist already.')
param actionGroups string[]

var rules = [
  {
    name: 'flexguard-incident'
    description: 'The app has told of an incident, or of its end: subject, summary and fix are in the dimensions.'
    query: loadTextContent('../queries/incidents.kql')
    severity: 2
    every: 'PT5M'
    window: 'PT5M'
    dimensions: ['Incident', 'Phase', 'Subject', 'Summary', 'Fix']
  }
  {
    name: 'flexguard-failing'
    description: 'A function of the app has failed three times within half an hour. See docs/deploy.md.'
    query: loadTextContent('../queries/failures.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT30M'
    dimensions: ['Function']
  }
  {
    name: 'flexguard-cannot-start'
    description: 'Settings, rules or prices are wrong, so the app does not start: all that is wrong is in the dimension.'
    query: loadTextContent('../queries/cannot_start.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT15M'
    dimensions: ['Problem']
  }
  {
    name: 'flexguard-silent'
    description: 'The sweep, the watch, or the scan for due backups has not finished once in the last hours, so nobody looks after the estate.'
    query: loadTextContent('../queries/heartbeat.kql')
    severity: 1
    every: 'PT15M'
    window: 'PT3H'
    dimensions: ['Fact']
  }
]

resource own 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: 'ag-flexguard'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'flexguard'
    enabled: true
    emailReceivers: [for (email, i) in emails: { name: 'mail-${i}', emailAddress: email, useCommonAlertSchema: true }]
  }
}

var groups = concat(actionGroups, empty(emails) ? [] : [own.id])

resource rule 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for each in rules: {
  name: each.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: each.name
    description: each.description
    severity: each.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: each.every
    windowSize: each.window
    criteria: {
      allOf: [
        {
          query: each.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: map(each.dimensions, name => { name: name, operator: 'Include', values: ['*'] })
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true // the tables come into being with the first telemetry
    actions: { actionGroups: groups }
  }
}]

output actionGroups array = groups
