"""What an event subscription looks like: from what is asked to what is shown, first while it is made, then for good.

Pure functions of bodies; nothing here knows the world.

**Source**: `eg-system-topic`, where defaults appear only when the operation has ended.
"""

import re

from simulator import event_filters
from simulator.wire import ArmError, Json

RESOURCE_EVENTS = [
    f"Microsoft.Resources.Resource{verb}{end}"
    for verb in ("Write", "Delete", "Action")
    for end in ("Success", "Failure", "Cancel")
]
BLOB_EVENTS = ["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"]
DESTINATIONS = {"webhook": "WebHook", "azurefunction": "AzureFunction", "storagequeue": "StorageQueue"}
RETRY_POLICY = {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
LIMITS = {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
BATCH_LIMITS = {"maxEventsPerBatch": 5000, "preferredBatchSizeInKilobytes": 1024}
SCHEMAS = ("EventGridSchema", "CloudEventSchemaV1_0")
OPTIONAL = ("eventDeliverySchema", "deadLetterDestination")


def new_properties(given: Json, topic: str, usual: list[str], state: str) -> Json:
    """The properties as shown while the operation runs. Raises ArmError 400 `InvalidRequest`.

    usual: the event types of a topic that stand for "all" when none are named.
    """
    rules = {name: value for name, value in (given.get("filter") or {}).items() if value not in (None, False)}
    event_filters.require_rules(rules)
    if usual and not event_filters.event_types(rules):
        rules["includedEventTypes"] = list(usual)
    policy = RETRY_POLICY | (given.get("retryPolicy") or {})
    _require_between(policy, LIMITS)
    properties = {
        "topic": topic,
        "provisioningState": state,
        "destination": _destination(given.get("destination") or {}),
        "filter": rules,
        "labels": given.get("labels"),
        "retryPolicy": policy,
    }
    if given.get("eventDeliverySchema", SCHEMAS[0]) not in SCHEMAS:
        _refuse(f"Event delivery schema {given['eventDeliverySchema']} is not played here.")
    return properties | {name: given[name] for name in OPTIONAL if given.get(name)}


def _destination(given: Json) -> Json:
    """A destination as it is shown: the query of a webhook's URL is a secret."""
    kind = DESTINATIONS.get(str(given.get("endpointType")).lower())
    properties: Json = given.get("properties") or {}
    if kind is None:
        _refuse(f"Destination endpoint type {given.get('endpointType')} is not played here.")
    if kind == "WebHook" and not str(properties.get("endpointUrl", "")).startswith("https://") and not _is_local(given):
        _refuse("The webhook's endpointUrl must be an https URL.")
    if kind != "WebHook" and not properties.get("resourceId"):
        _refuse(f"The destination {kind} has no resourceId.")
    _require_between(properties, BATCH_LIMITS)
    if kind == "WebHook":
        base = {"endpointUrl": None, "endpointBaseUrl": properties["endpointUrl"].partition("?")[0]}
        properties = base | {name: properties[name] for name in BATCH_LIMITS if name in properties}
    # The local Azure's own: where an AzureFunction is reached. Azure finds it by the resourceId.
    shown = {name: value for name, value in properties.items() if kind == "WebHook" or name != "endpointUrl"}
    return {"properties": shown, "endpointType": kind}


def _is_local(given: Json) -> bool:
    """Whether a webhook runs on this machine; the local Azure forgives it the missing TLS, the real one does not."""
    url = str((given.get("properties") or {}).get("endpointUrl"))
    return bool(re.match(r"http://(127\.0\.0\.1|localhost)[:/]", url))


def finished_properties(properties: Json) -> Json:
    """The properties once all is done: what was left out reads as its default."""
    destination = properties["destination"]
    if destination["endpointType"] != "StorageQueue":
        batching = {"maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64}
        destination = destination | {"properties": batching | destination["properties"]}
    rules = {"subjectBeginsWith": "", "subjectEndsWith": ""} | properties["filter"]
    done = {"provisioningState": "Succeeded", "destination": destination, "filter": rules}
    return {"eventDeliverySchema": SCHEMAS[0]} | properties | done


def _require_between(given: Json, limits: Json) -> None:
    for name, largest in limits.items():
        value = given.get(name, 1)
        if not isinstance(value, int) or not 1 <= value <= largest:
            _refuse(f"{name} must be between 1 and {largest}.")


def _refuse(words: str) -> None:
    """Assumed: the words of these refusals; the code is the one of every recorded refusal of Event Grid."""
    raise ArmError(400, "InvalidRequest", words)
