"""What would be done to which server, why, and how would it end? `flexguard plan`: reads, writes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import plan_price
from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, Output, examples, with_output
from cli.scope import read_view, with_scope

if TYPE_CHECKING:
    from shared.core.actions import Write
    from shared.core.compare import Change
    from shared.core.cost import Cost
    from shared.core.estate import Scope
    from shared.core.judgement import Judged
    from shared.core.price import Prices
    from shared.plan import EstatePlan

MOST_SHOWN = 40


@click.command(
    epilog=examples(
        "flexguard plan",
        "flexguard plan --rules new.yaml",
        "flexguard plan --subscription 00000000-0000-0000-0000-000000000000 --roles",
        "flexguard plan --json > plan.json",
    )
)
@with_scope
@click.option(
    "--rules",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Show what this file would change, against the one that FLEXGUARD_RULES names, or rules.yaml.",
)
@click.option(
    "--prices", metavar="FILE", type=click.Path(path_type=Path), help="The price file; without it, prices.yaml."
)
@click.option("--roles", is_flag=True, help="Read role assignments too; without it they are checked on apply.")
@click.option("--all", "everything", is_flag=True, help=f"Name every server, not the first {MOST_SHOWN}.")
@with_output
def command(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    prices: Path | None,
    *,
    roles: bool,
    everything: bool,
) -> int:
    """Show what would be done to which server, why, and how it would end; write nothing.

    What would be done is shown for every server, also where the rules say observe: then the mode says so, and nothing
    would happen. Roles that are not read count as missing, and are checked on apply. Everything that would be written
    has one hash, which `flexguard approve` takes: the same writes have the same hash, in any order.

    The price is an estimate, for today and for the end: a month at steady state and the first year, by the price file.

    With --rules, it compares: per server, what is different under the new file, now and then. Exit code 1: a server
    asks for protection and would not get it, the new file makes something worse (a point kept shorter, a server no
    longer protected), or not all could be read.
    """
    from shared import rules_file
    from shared.core.compare import compare
    from shared.core.judgement import is_finding

    current, known_prices = rules_file.load(rules_path()), plan_price.read(prices)
    new = rules_file.load(rules) if rules else None
    view = read_view(output, connect(), scope, [current, *([new] if new else [])], with_roles=roles)
    plan = view.plan(new or current)
    costs = plan_price.costs(plan, known_prices)
    most = len(plan.judged) if everything else MOST_SHOWN
    if new:
        before = view.plan(current)
        costs = plan_price.changed_rules(plan_price.costs(before, known_prices), costs)
        changes = list(compare(before.judged, plan.judged))
        output.data(_as_data(plan, costs, known_prices) | {"changes": [_change(one) for one in changes]})
        _show_changes(output, changes, most)
        worse = any(one.is_worse for one in changes)
    else:
        output.data(_as_data(plan, costs, known_prices))
        _show(output, plan, most)
        worse = any(is_finding(one.foreseen.final) for one in plan.judged)
    plan_price.show(output, plan, costs, known_prices)
    _show_hash(output, plan)
    return EXIT_FINDINGS if worse or plan.estate.incomplete else EXIT_OK


# -- for programs ------------------------------------------------------------------------------------------------


def _as_data(plan: "EstatePlan", costs: "Mapping[str, Cost]", prices: "Prices | None") -> dict[str, Any]:
    return {
        "scope": str(plan.estate.scope),
        "at": plan.estate.now,
        "hash": plan.hash,
        "incomplete": plan.estate.incomplete,
        "counts": {
            "verdict": Counter(one.verdict.kind for one in plan.judged),
            "final": Counter(one.foreseen.final.kind for one in plan.judged),
            "action": _actions(plan.judged),
            "tier": Counter(one.tier_name for one in plan.judged),
            "subscription": Counter(one.id.subscription for one in plan.judged),
        },
        "price": plan_price.as_data(plan, costs, prices),
        "servers": [_server(one) | {"price": plan_price.of_server(costs.get(one.id.key))} for one in plan.judged],
    }


def _server(one: "Judged") -> dict[str, Any]:
    line = asdict(one.line)
    final = one.foreseen.final
    writes = [
        {"action": entry.action, "target": entry.target, "reason": write.reason}
        for entry, write in zip(one.entries, one.foreseen.writes, strict=True)
    ]
    return line | {"mode_rule": one.mode_rule, "final": final.kind, "final_reason": final.reason, "writes": writes}


def _change(one: "Change") -> dict[str, Any]:
    return {
        "id": one.now.id.text,
        "name": one.now.id.name,
        "what": one.what,
        "retention": one.retention,
        "is_worse": one.is_worse,
        "now": _server(one.now),
        "then": _server(one.then),
    }


# -- for people --------------------------------------------------------------------------------------------------


def _show(output: Output, plan: "EstatePlan", most: int) -> None:
    judged = plan.judged
    ends = Counter((one.verdict.kind, one.foreseen.final.kind) for one in judged)
    output.say(f"{len(judged):,} servers of {plan.estate.scope}", style="bold")
    output.table(
        "",
        ["today", "in the end", "servers"],
        ([*kinds, count] for kinds, count in ends.most_common()),
    )
    busy = [one for one in judged if one.foreseen.writes]
    if not busy:
        output.say("\nNothing would be written.\n")
        return
    output.say()
    _show_counts(output, busy)
    output.say()
    output.table(
        "What would be done",
        ["server", "tier", "mode", "writes, and why", "in the end"],
        ([one.id.name, one.tier_name, one.mode, _steps(one), one.foreseen.final.kind] for one in busy[:most]),
    )
    _say_more(output, len(busy) - most)


def _show_counts(output: Output, busy: "Sequence[Judged]") -> None:
    servers = Counter(action for one in busy for action in {entry.action for entry in one.entries})
    counts = _actions(busy)
    output.table(
        "Would be written", ["action", "things", "servers"], ([name, counts[name], servers[name]] for name in counts)
    )
    for title, names in (
        ("By tier", Counter(one.tier_name for one in busy)),
        ("By subscription", Counter(one.subscription for one in busy)),
        ("By mode", Counter(f"{one.mode} ({one.mode_rule})" for one in busy)),
    ):
        output.say()
        output.table(title, [title[3:], "servers"], names.most_common())


def _actions(judged: "Iterable[Judged]") -> dict[str, int]:
    """How many different things each kind of action would write: one policy serves many servers."""
    things = {(entry.action, entry.target) for one in judged for entry in one.entries}
    return dict(Counter(action for action, _ in things).most_common())


def _steps(one: "Judged") -> str:
    doubt = "" if one.foreseen.are_roles_known else " (checked on apply)"
    return "\n".join(_step(write, doubt) for write in one.foreseen.writes)


def _step(write: "Write", doubt: str) -> str:
    from shared.core.actions import EnsurePolicy, GrantRole
    from shared.datasources.postgresql_flexible import DATASOURCE

    match write:
        case GrantRole():
            role = DATASOURCE.role_names.get(write.role, write.role)
            return f"GrantRole {role} on {write.scope.rsplit('/', 1)[-1]}{doubt}"
        case EnsurePolicy():
            return f"EnsurePolicy {write.policy_id.rsplit('/', 1)[-1]}: {write.reason}"
    return f"{type(write).__name__}: {write.reason}"


def _show_changes(output: Output, changes: "Sequence[Change]", most: int) -> None:
    if not changes:
        output.say("Both rules files treat every server alike.", style="green")
        return
    counts = Counter(word for one in changes for word in {what.partition(":")[0] for what in one.what})
    output.table(f"{len(changes):,} servers are treated differently", ["change", "servers"], counts.most_common())
    output.say()
    rows = (
        [one.now.id.name, "\n".join(one.what), _steps(one.then) if one.is_other_work else "the same"]
        for one in changes[:most]
    )
    output.table("Server by server", ["server", "now → then", "would be written then"], rows)
    _say_more(output, len(changes) - most)


def _say_more(output: Output, more: int) -> None:
    if more > 0:
        output.say(f"and {more:,} more; --all names them, --json has everything")


def _show_hash(output: Output, plan: "EstatePlan") -> None:
    if plan.entries:
        output.say(
            f"\nThis plan: {plan.hash} ({len(plan.entries):,} writes; flexguard approve {plan.hash})", style="bold"
        )
