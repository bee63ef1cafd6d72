"""Writes the JSON Schemas from the models that they are of, the rules' and the evidence's: `make schema`."""

import json

from shared import rules_file
from shared.dossier import schema
from tests.tidy.tree import ROOT

SCHEMA = ROOT / "rules.schema.json"
EVIDENCE = ROOT / "docs" / "evidence.schema.json"


def text() -> str:
    """The schema of the rules as it stands in the file."""
    return json.dumps(rules_file.schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
    EVIDENCE.write_text(schema.text(), encoding="utf-8")
