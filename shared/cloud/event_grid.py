"""Publishes alerts to the Event Grid custom topic, in the CloudEvents schema."""

from typing import Any

from shared.cloud.clients import Cloud
from shared.cloud.errors import translated


def publish(cloud: Cloud, event: dict[str, Any]) -> None:
    """Publish one CloudEvent. Raises CloudError; publishing again repeats the same event id."""
    with translated():
        cloud.alert_topic.send([event])
