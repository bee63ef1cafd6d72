"""What happened, one structured line each: the only way the stories log.

A fact has a name and flat fields, of which some are counts by name. Lines are JSON, so that no tag or error text can
forge a second line; long values are cut. The host samples no line away (`host.json`), so sums over them are exact.
Nothing here decides, and nothing reads it back but people and dashboards.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

LOGGER = logging.getLogger("flexguard")
LONGEST = 500
MOST_COUNTS = 100


def record(fact: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write down one fact, such as event_dropped with its reason."""
    line = {"fact": fact} | {name: _shown(value) for name, value in fields.items() if value not in (None, "")}
    LOGGER.log(level, "%s", json.dumps(line, ensure_ascii=True), extra={"flexguard": line})


def _shown(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and all(isinstance(each, int | float) for each in value.values()):
        return {str(name)[:LONGEST]: value[name] for name in list(value)[:MOST_COUNTS]}
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
