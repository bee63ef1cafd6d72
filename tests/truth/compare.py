"""Where do two answers differ? Status, headers, and bodies member by member: names, types, values, error codes.

What a service makes up (ids, times, sizes) is compared by its form; words meant for people are not compared.
"""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from simulator.wire import Response
from tests.truth.names import GUID
from tests.truth.recording import Exchange

FORMS = tuple(
    (re.compile(pattern), form)
    for pattern, form in (
        (GUID, "{guid}"),
        (r"(?<![\w-])[0-9a-f]{32}(?![\w-])", "{hex}"),
        (r"[A-Za-z0-9+/]{60,}={0,2}", "{token}"),
        (r"\d{4}-\d\d-\d\dT\d\d(:|%3A)\d\d(:|%3A)\d\d\.\d+", "{time.fraction}"),
        (r"\d{4}-\d\d-\d\dT\d\d(:|%3A)\d\d(:|%3A)\d\d", "{time}"),
        (r"\bP(\d+D)?T[\dHM.]+S\b", "{duration}"),
        (r"\b(\d+\.)?\d\d:\d\d:\d\d(\.\d+)?\b", "{span}"),
    )
)
FREE = {
    *("message", "recommendedAction", "DetailedNonLocalisedMessage"),  # words for people
    *("dataTransferredInBytes", "OriginalDatasourceSizeInBytes", "DataTransferredInBytes"),  # how much
    *("retentionTagVersion", "minorVersion", "availabilityZone", "standbyAvailabilityZone"),  # which one, by chance
}
WHO = {"createdBy", "updatedBy"}  # who recorded; a recorder may hide it
MASKED_TIME = "2001-02-03T04:05:06Z"
MASK = "{KEY}"
PRESENT = ("azure-asyncoperation", "location", "x-ms-error-code", "x-ms-failure-cause", "x-ms-arm-resource-system-data")


def differences(exchange: Exchange, ours: Response) -> list[str]:
    """Every difference between the recorded answer and ours, each as one line; none twice."""
    found = [] if exchange.status == ours.status else [f"status: {exchange.status}, here {ours.status}"]
    found += _headers(exchange, ours)
    found += _values("body", exchange.body, ours.json())
    return list(dict.fromkeys(found))


def _headers(exchange: Exchange, ours: Response) -> list[str]:
    names = [*PRESENT, *(["retry-after"] if exchange.keeps_retry_after else [])]
    found = []
    for name in names:
        recorded, mine = exchange.headers.get(name), ours.headers.get(name)
        if (recorded is None) != (mine is None):
            found.append(f"header {name}: {'missing' if mine is None else 'not recorded'}")
        elif name == "retry-after" and recorded != mine:
            found.append(f"header {name}: {recorded}, here {mine}")
        elif recorded and mine and name in ("azure-asyncoperation", "location") and not _same_place(recorded, mine):
            found.append(f"header {name}: {_place(recorded)}, here {_place(mine)}")
    if exchange.body is not None and exchange.headers.get("content-type") != ours.headers.get("content-type"):
        found.append(f"content-type: {exchange.headers.get('content-type')}, here {ours.headers.get('content-type')}")
    return found


def _same_place(recorded: str, ours: str) -> bool:
    one, other = _forms(_place(recorded), _place(ours))
    return one == other


def _place(url: str) -> str:
    """A URL of an operation without what is made up: its path and the names of its parameters."""
    parts = urlsplit(url)
    return f"{_form(unquote(parts.path))}?{','.join(term.partition('=')[0] for term in parts.query.split('&'))}"


def _forms(recorded: str, ours: str) -> tuple[str, str]:
    """Two texts without what is made up; what a recorder masked is like everything."""
    if MASKED_TIME in recorded:
        ours = re.sub(r"(T\d\d:\d\d:\d\d)\.\d+", r"\1", ours)
    if MASK in recorded:
        parts = [re.escape(part.rstrip("=")) for part in recorded.split(MASK)]
        return (ours, ours) if re.match(".*".join(parts), ours) else (recorded, ours)
    return _form(recorded), _form(ours)


def _form(text: str) -> str:
    for pattern, form in FORMS:
        text = pattern.sub(form, text)
    return text


def _values(where: str, recorded: Any, ours: Any, *, by_form: bool = False) -> list[str]:
    """by_form: members and types alone, for things that need not be the same thing."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return _members(where, recorded, ours, by_form)
    if isinstance(recorded, list) and isinstance(ours, list):
        return _elements(where, recorded, ours, by_form)
    if _kind(recorded) != _kind(ours):
        return [f"{where}: {_kind(recorded)}, here {_kind(ours)}"]
    if isinstance(recorded, str):
        recorded, ours = _forms(recorded, ours)
    return [] if by_form or recorded == ours else [f"{where}: {recorded!r}, here {ours!r}"]


def _members(where: str, recorded: dict[str, Any], ours: dict[str, Any], by_form: bool) -> list[str]:
    found = [f"{where}.{name}: missing" for name in recorded if name not in ours]
    found += [f"{where}.{name}: not recorded" for name in ours if name not in recorded]
    for name, value in recorded.items():
        if name in ours and name not in WHO:
            found += _values(f"{where}.{name}", value, ours[name], by_form=by_form or name in FREE)
    return found


def _elements(where: str, recorded: list[Any], ours: list[Any], by_form: bool) -> list[str]:
    """Each of ours is compared with the recorded one of the same name, whatever the order.

    Without such names lists of one length are compared one by one, others by form: each of ours with the recorded one
    that is most like it.
    """
    if not recorded or not ours:
        return [] if recorded == ours or by_form else [f"{where}: {len(recorded)} elements, here {len(ours)}"]
    named = {_name(one): one for one in recorded if _name(one)}
    if len(recorded) == len(ours) and (len(named) < len(ours) or named.keys() != {_name(other) for other in ours}):
        pairs = zip(recorded, ours, strict=True)
        return [line for one, other in pairs for line in _values(f"{where}[]", one, other, by_form=by_form)]
    found = []
    for other in ours:
        if _name(other) in named:
            found += _values(f"{where}[]", named[_name(other)], other, by_form=by_form)
        else:
            found += min((_values(f"{where}[]", one, other, by_form=True) for one in recorded), key=len)
    return found


def _name(element: Any) -> str:
    """What tells one element of a list from another."""
    return str(element.get("name") or element.get("id") or "") if isinstance(element, dict) else ""


def _kind(value: Any) -> str:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "text"), (list, "list"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
