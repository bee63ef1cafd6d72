#!/bin/sh
# Subscribes the app to the events of its managed subscriptions, once its code is there. Repeating changes nothing.
# azd runs it after every deploy, with the outputs of main.bicep in the environment. Without azd, name the deployment:
#   infra/postdeploy.sh flexguard
set -eu

# Azure bends the case of outputs' names (azurE_LOCATION), so they are read in capitals.
if [ "${1:-}" ]; then
  eval "$(az deployment sub show --name "$1" --output tsv \
    --query "[keys(properties.outputs), values(properties.outputs)[].value]" |
    awk -F '\t' 'NR == 1 { count = split($0, name, FS) }
      NR == 2 { split($0, value, FS); for (i = 1; i <= count; i++) printf "%s='"'%s'"'\n", toupper(name[i]), value[i] }')"
fi

for name in AZURE_LOCATION AZURE_RESOURCE_GROUP FLEXGUARD_FUNCTION_ID FLEXGUARD_STORAGE_ID FLEXGUARD_SUBSCRIPTIONS; do
  eval "value=\${$name:-}"
  if [ -z "$value" ]; then
    echo "postdeploy: $name is not set; it is an output of main.bicep; or name the deployment: $0 flexguard" >&2
    exit 2
  fi
done

# A subscription has one system topic for its events: the one that is there is used, or one is made.
topics=""
for subscription in $(echo "$FLEXGUARD_SUBSCRIPTIONS" | tr ',' ' '); do
  found=$(az eventgrid system-topic list --subscription "$subscription" --output tsv \
    --query "[].[resourceGroup, name, topicType || properties.topicType]" |
    awk -F '\t' 'tolower($3) == "microsoft.resources.subscriptions" { print $1, $2; exit }')
  if [ -n "$found" ]; then
    group=${found% *}
    topic=${found#* }
    exists=true
  else
    group="$AZURE_RESOURCE_GROUP-events"
    topic="flexguard-$subscription"
    exists=false
  fi
  echo "postdeploy: $subscription: $topic in $group, exists: $exists"
  topics="$topics${topics:+,}{\"subscription\":\"$subscription\",\"group\":\"$group\",\"topic\":\"$topic\",\"exists\":$exists}"
done

groups=""
for id in $(echo "${FLEXGUARD_ACTION_GROUPS:-}" | tr ',' ' '); do
  groups="$groups${groups:+,}\"$id\""
done

az deployment sub create --name flexguard-events --location "$AZURE_LOCATION" --output none \
  --template-file "$(dirname "$0")/events.bicep" \
  --parameters location="$AZURE_LOCATION" topics="[$topics]" actionGroups="[$groups]" \
  functionId="$FLEXGUARD_FUNCTION_ID" storageId="$FLEXGUARD_STORAGE_ID" \
  delivery="${FLEXGUARD_DELIVERY:-function}" writesAs="${FLEXGUARD_EVENT_GRID_WRITES_AS:-event_grid}"
