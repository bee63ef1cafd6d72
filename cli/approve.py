"""Who allows a plan? `flexguard approve HASH`: plans again, compares, and leaves the approval in the app's ledger."""

import getpass
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import read_view, with_scope

if TYPE_CHECKING:
    from shared.cloud.clients import Cloud
    from shared.core.approval import Entry
    from shared.core.estate import Scope
    from shared.ledger import Approval
    from shared.plan import EstatePlan

MOST_SHOWN = 40


@click.command(
    epilog=examples(
        "flexguard approve 0123456789abcdef",
        "flexguard approve 0123456789abcdef --plan plan.json",
        "flexguard approve 0123456789abcdef --subscription 00000000-0000-0000-0000-000000000000",
    )
)
@click.argument("plan_hash", metavar="HASH")
@with_scope
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file that was planned with.")
@click.option("--roles", is_flag=True, help="Read role assignments too, as the plan did.")
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `flexguard plan --json` printed: says what has changed since, if something has.",
)
@with_output
def command(
    output: Output,
    plan_hash: str,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    plan_file: Path | None,
    *,
    roles: bool,
) -> int:
    """Approve a plan, by its hash, for the app to carry out.

    Plans again, with the same scope and rules that the hash was printed for. When the hash is still the same, who
    approved what and when is written to the app's ledger; nothing is written to Azure. For seven days the app may then
    do what the plan lists, where the mode is protect: what has become unnecessary is skipped, what is new waits for
    another approval. Exit code 1: the plan has changed meanwhile, and nothing was approved; 2: nobody knows the hash.
    """
    from shared import approval, rules_file
    from shared.core.approval import permitted

    connection = connect()
    ledger, cloud = connection.needed_ledger, connection.cloud
    wanted = plan_hash.strip().lower()
    listed = _listed(plan_file, wanted) if plan_file else None
    read = rules_file.load(rules or rules_path())
    plan = read_view(output, connection, scope, [read], with_roles=roles).plan(read)
    if plan.hash == wanted:
        done = approval.approve(ledger, plan.entries, _who(cloud), cloud.now)
        output.data(_as_data(done, is_approved=True))
        output.say(f"Approved by {done.by}: {len(done.entries):,} writes for {_servers(done.entries):,} servers.")
        return EXIT_OK
    earlier = approval.in_force(ledger, cloud.now)
    listed = listed or next((one.entries for one in earlier if one.plan_hash == wanted), None)
    if listed is None:
        raise BadInput(_unknown(wanted, plan, earlier))
    found = permitted(plan.entries, listed)
    output.data({"is_approved": False, "hash": plan.hash, "new": found.waiting, "vanished": found.vanished})
    output.say(f"The plan has changed, nothing was approved. It is now {plan.hash}.", style="yellow")
    _show(output, "New since then", found.waiting)
    _show(output, "Not wanted any more", found.vanished)
    return EXIT_FINDINGS


def _who(cloud: "Cloud") -> str:
    from shared.cloud import caller

    return caller.name(cloud) or getpass.getuser()


def _listed(file: Path, wanted: str) -> "tuple[Entry, ...]":
    """What a plan that was printed as JSON lists. Raises BadInput for another file, or another plan."""
    import msgspec

    from shared.core.approval import Entry
    from shared.core.approval import plan_hash as hash_of

    try:
        body = msgspec.json.decode(file.read_bytes())
        entries = tuple(
            Entry(server["id"].lower(), write["action"], write["target"].lower())
            for server in body["servers"]
            for write in server["writes"]
        )
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{file} is not what `flexguard plan --json` prints") from None
    if hash_of(entries) != wanted:
        raise BadInput(f"{file} is another plan: its hash is {hash_of(entries)}, not {wanted}")
    return entries


def _as_data(done: "Approval", *, is_approved: bool) -> dict[str, Any]:
    return {"is_approved": is_approved, "hash": done.plan_hash, "by": done.by, "at": done.at, "entries": done.entries}


def _servers(entries: "Iterable[Entry]") -> int:
    return len({entry.server for entry in entries})


def _unknown(wanted: str, plan: "EstatePlan", earlier: "Iterable[Approval]") -> str:
    known = [f"{plan.hash}: the plan of {plan.estate.scope} now, {len(plan.entries):,} writes"] if plan.entries else []
    known += [f"{one.plan_hash}: approved by {one.by} at {one.at:%Y-%m-%d %H:%M} UTC" for one in earlier]
    valid = "\n".join(f"  {line}" for line in known) or "  none: nothing would be written, and nothing was approved"
    return f"no plan has the hash {wanted!r}; known are\n{valid}"


def _show(output: Output, title: str, entries: "tuple[Entry, ...]") -> None:
    if not entries:
        return
    rows = ([entry.server.rsplit("/", 1)[-1], entry.action, entry.target.rsplit("/", 1)[-1]] for entry in entries)
    output.say()
    output.table(f"{title}: {len(entries):,}", ["server", "action", "target"], list(rows)[:MOST_SHOWN])
    if len(entries) > MOST_SHOWN:
        output.say(f"and {len(entries) - MOST_SHOWN:,} more")
