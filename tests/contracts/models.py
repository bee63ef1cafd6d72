"""Which members of an answer does a client's model not know? The clients keep or drop them in silence.

Both kinds of models are understood: the newer ones, which are mappings, and those with an attribute map.
"""

from collections.abc import Iterator
from typing import Any

from tests.contracts.documents import Json


def unknown(model: Any, raw: Any, where: str) -> Iterator[str]:
    """Every member of the answer that the model made of it has no attribute for, with its place."""
    if isinstance(model, list) and isinstance(raw, list):
        for each, told in zip(model, raw, strict=True):
            yield from unknown(each, told, f"{where}[]")
    elif isinstance(raw, dict) and hasattr(model, "_attr_to_rest_field"):
        known = {field._rest_name: name for name, field in model._attr_to_rest_field.items()}
        yield from _compared(raw, known, model, where)
    elif isinstance(raw, dict) and hasattr(model, "_attribute_map"):
        yield from _mapped(model, raw, where)
    elif isinstance(model, dict) and isinstance(raw, dict):
        for name in model.keys() & raw.keys():
            yield from unknown(model[name], raw[name], f"{where}.{name}")


def _compared(raw: Json, known: dict[str, str], model: Any, where: str) -> Iterator[str]:
    for name, value in raw.items():
        if name in known:
            yield from unknown(getattr(model, known[name]), value, f"{where}.{name}")
        else:
            yield f"{where}.{name}"


def _mapped(model: Any, raw: Json, where: str) -> Iterator[str]:
    """An attribute's key may lead through several objects: "properties.scope"."""
    known = {told["key"]: name for name, told in model._attribute_map.items()}
    flat = {key.partition(".")[0] for key in known if "." in key.replace("\\.", "")}
    for name in flat:
        inner = {key.partition(".")[2]: known.pop(key) for key in list(known) if key.startswith(f"{name}.")}
        yield from _compared(raw.get(name) or {}, inner, model, f"{where}.{name}")
    yield from _compared({name: raw[name] for name in raw if name not in flat}, known, model, where)
