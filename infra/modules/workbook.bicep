// What people look at: coverage and the age of the newest recovery point as Azure has them, and what the app has done.
param location string
param tags object
param workspaceId string

var graph = 'microsoft.resourcegraph/resources'
var logs = 'microsoft.operationalinsights/workspaces'
var parts = [
  { title: 'Coverage by subscription and region', query: loadTextContent('../queries/coverage.kql'), of: graph, as: 'table' }
  { title: 'Age of the newest recovery point', query: loadTextContent('../queries/newest_points.kql'), of: graph, as: 'table' }
  { title: 'Coverage as swept', query: loadTextContent('../queries/swept.kql'), of: logs, as: 'timechart' }
  { title: 'Servers by verdict', query: loadTextContent('../queries/verdicts.kql'), of: logs, as: 'timechart' }
  { title: 'Age of the newest recovery point as swept, in hours', query: loadTextContent('../queries/point_ages.kql'), of: logs, as: 'timechart' }
  { title: 'Incidents open', query: loadTextContent('../queries/open_incidents.kql'), of: logs, as: 'timechart' }
  { title: 'Incidents', query: loadTextContent('../queries/incidents.kql'), of: logs, as: 'table' }
  { title: 'Minutes from the first event to protected', query: loadTextContent('../queries/lag.kql'), of: logs, as: 'table' }
  { title: 'Decisions', query: loadTextContent('../queries/decisions.kql'), of: logs, as: 'table' }
  { title: 'Events, and what became of them', query: loadTextContent('../queries/events.kql'), of: logs, as: 'timechart' }
  { title: 'Calls to Azure by operation', query: loadTextContent('../queries/calls.kql'), of: logs, as: 'timechart' }
  { title: 'Calls refused as too many', query: loadTextContent('../queries/throttled.kql'), of: logs, as: 'timechart' }
  { title: 'Failing functions', query: loadTextContent('../queries/failures.kql'), of: logs, as: 'table' }
]
var span = {
  type: 9
  content: {
    version: 'KqlParameterItem/1.0'
    parameters: [
      { id: guid('flexguard', 'span'), version: 'KqlParameterItem/1.0', name: 'Span', type: 4, isRequired: true, value: { durationMs: 86400000 } }
    ]
    style: 'pills'
  }
  name: 'span'
}
var panels = map(parts, part => {
  type: 3
  content: {
    version: 'KqlItem/1.0'
    title: part.title
    query: part.query
    size: 0
    queryType: part.of == graph ? 1 : 0
    resourceType: part.of
    crossComponentResources: part.of == graph ? ['value::all'] : [workspaceId]
    visualization: part.as
    timeContextFromParameter: 'Span'
  }
  name: part.title
})

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'flexguard')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Flexguard'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([span], panels)
      fallbackResourceIds: [workspaceId]
    })
  }
}
