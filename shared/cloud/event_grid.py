"""Publishes alerts to the Event Grid custom topic, in the CloudEvents schema."""

from typing import Any

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, translated


def publish(cloud: Cloud, event: dict[str, Any]) -> None:
    """Publish one CloudEvent. Raises CloudError; publishing again repeats the same event id."""
    answers: list[str] = []

    def note(response: Any) -> None:
        answers.append(str(response.http_response.text() or ""))

    with translated():
        cloud.alert_topic.send([event], raw_response_hook=note)
    if any("error" in text.lower() for text in answers):  # Source: a publication is answered without a body
        raise CloudError("AnsweredWithError", "the topic answered 200 with an error in it", may_have_happened=True)
