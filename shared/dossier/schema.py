"""The evidence as a JSON Schema: the manifest, and every table by its name. It goes into the evidence, too."""

import json
from typing import Any

import msgspec

from shared.dossier.model import TABLES, Manifest, table_of

TITLE = "Flexguard evidence: manifest.json, and the tables by name under $defs"


def schema() -> dict[str, Any]:
    """The schema. A table's file is checked against `#/$defs/` and its name; its CSV has the same columns in order."""
    types = [Manifest, *map(table_of, TABLES.values())]
    found, parts = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    tables = {name: parts.pop(f"Table_{row.__name__}_") for name, row in TABLES.items()}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE}
    return whole | found[0] | {"$defs": parts | {name: tables[name] for name in TABLES}}


def text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
