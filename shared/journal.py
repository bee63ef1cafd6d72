"""What happened, one structured line each: the only way the stories log.

A fact has a name and flat fields. Lines are JSON, so that no tag or error text can forge a second line; long values
are cut. Nothing here decides, and nothing reads it back but people and dashboards.
"""

import json
import logging
from typing import Any

LOGGER = logging.getLogger("flexguard")
LONGEST = 500


def record(fact: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write down one fact, such as event_dropped with its reason."""
    line = {"fact": fact} | {name: _shown(value) for name, value in fields.items() if value not in (None, "")}
    LOGGER.log(level, "%s", json.dumps(line, ensure_ascii=True), extra={"flexguard": line})


def _shown(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
