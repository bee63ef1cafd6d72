"""docs/rules.md: every key with its default, who decides, every error and warning. Each row is tried."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

import pytest
import yaml

from shared.core.intent import LeaveAlone, Mistake, NotAsked, Protect, read_intent
from shared.core.limits import COMMAND_LINE, POLICY_NAME, SUPPORT_MATRIX, TAGS
from shared.core.rules import Default, Rules
from shared.rules_file import BadRules, Problem, parse, read
from shared.rules_reader import LEAVES, Reader, hints_of, unwrapped
from tests.core.samples import VAULT, server
from tests.tidy.tree import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
NOTHING = "\N{EN DASH}"
SOURCES = {NOTHING: "", "support matrix": SUPPORT_MATRIX, "command line": COMMAND_LINE, "policy name": POLICY_NAME,
           "tags": TAGS}  # fmt: skip
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TIER = {"backup": {"days": ["sunday"], "at": "01:30"}, "keep": {"default": "35 days", "yearly": "10 years"}}
TIERS = dict.fromkeys(("gold", "silver", "bronze"), TIER)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, cells without their marks."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert rows, heading
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows]


def keys(kind: Any, before: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key of the model that is no object itself: dotted, its default and its type."""
    for item in fields(kind):
        annotated = hints_of(kind)[item.name]
        plain, path = unwrapped(annotated)[0], before + item.name
        inner = (
            unwrapped(get_args(plain)[-1 if get_origin(plain) is dict else 0])[0]
            if get_origin(plain) in (dict, tuple)
            else plain
        )
        if is_dataclass(inner) and inner not in LEAVES:
            yield from keys(inner, path + {tuple: "[].", dict: ".*."}.get(get_origin(plain), "."))
        else:
            has_none = item.default is MISSING and item.default_factory is MISSING
            yield path, "required" if has_none else item.default, annotated


def shown(default: Any) -> str:
    """A default as the page shows it."""
    return NOTHING if default in (MISSING, None, "", ()) else str(default)


def example(key: str) -> str:
    """The example of a key."""
    return next(row[3] for row in table("Every key") if row[0] == key).replace("VAULT", VAULT)


def test_every_key_has_its_row():
    """The page has every key of the model once, with the default that it really has."""
    rows = [(row[0], row[1]) for row in table("Every key")]
    assert sorted(rows) == sorted((key, shown(default)) for key, default, _ in keys(Rules))


@pytest.mark.parametrize(("key", "kind"), [(key, kind) for key, _, kind in keys(Rules)])
def test_every_example_is_valid(key: str, kind: Any):
    """The example of a key is a valid value of it, and not its default."""
    reader = Reader()
    value = reader.read(yaml.compose(example(key)), kind, key)
    assert reader.problems == []
    assert shown(value) != {row[0]: row[1] for row in table("Every key")}[key]


@pytest.mark.parametrize(("tags", "default", "wanted", "said"), table("What is wanted for a server"))
def test_who_decides(tags: str, default: str, wanted: str, said: str):
    """Each row of the table of precedence is what happens."""
    rules = parse(yaml.safe_dump({"mode": "protect", "vaults": [{"id": VAULT}], "tiers": TIERS}))
    defaults = () if default == NOTHING else (Default(default, groups=("*",)),)
    written = yaml.load(tags, yaml.BaseLoader)  # noqa: S506 - every value as its text: tags have no types
    intent = read_intent(written, Rules("protect", rules.vaults, rules.tiers, defaults=defaults), NOW, server().id)
    kinds = {LeaveAlone: "exempt", NotAsked: "not_opted_in"}
    match intent:
        case Protect():
            assert intent.tier_name == wanted
        case Mistake():
            assert intent.kind == wanted
        case _:
            assert kinds[type(intent)] == wanted
    words = "; ".join((intent.reason if isinstance(intent, Mistake) else "", *intent.notes))
    assert said in words if said != NOTHING else not words


def problems(written: str) -> tuple[list[Problem], list[Problem]]:
    """The errors and warnings of a file in which one key is as written."""
    path, _, value = written.replace("VAULT", VAULT).partition(": ")
    rules: dict[str, Any] = {"mode": "protect", "vaults": [{"id": VAULT}]}
    rules["tiers"] = {name: deepcopy(TIER) for name in ("gold", "silver")}
    *above, last = path.split(".")
    target = rules
    for step in above:
        target = target[step]
    target[last] = yaml.safe_load(value)
    try:
        return [], read(yaml.safe_dump(rules, sort_keys=False))[1]
    except BadRules as bad:
        return bad.problems, []


@pytest.mark.parametrize(("written", "said", "source"), table("Errors"))
def test_every_error(written: str, said: str, source: str):
    """What the page calls an error is one, with these words and this source."""
    errors, _ = problems(written)
    assert [problem.source for problem in errors if said in problem.message] == [SOURCES[source]], errors


@pytest.mark.parametrize(("written", "said", "source"), table("Warnings"))
def test_every_warning(written: str, said: str, source: str):
    """What the page calls a warning is one, with these words and this source, and nothing else is wrong."""
    errors, warnings = problems(written)
    assert errors == []
    assert [(said in problem.message, problem.source) for problem in warnings] == [(True, SOURCES[source])], warnings


def test_the_rings_are_rules():
    """The example of a rollout is a part of a valid file."""
    rings = PAGE.partition("```yaml\n")[2].partition("```")[0]
    rules = yaml.safe_dump({"vaults": [{"id": VAULT}], "tiers": TIERS})
    assert [override.mode for override in parse(rules + rings).overrides] == ["observe", "protect", "protect"]
