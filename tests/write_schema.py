"""Writes rules.schema.json, the JSON Schema that editors read, from the model of the rules: `make schema`."""

import json

from shared import rules_file
from tests.tidy.tree import ROOT

SCHEMA = ROOT / "rules.schema.json"


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(rules_file.schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
