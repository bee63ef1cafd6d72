"""Who is protected, who is not, and why not? `flexguard status`: one verdict for every server, and the coverage."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cli import plan_price
from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import read_view, with_scope
from shared.settings import VARIABLES

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.core.judgement import Coverage, Judged

MOST_SHOWN = 40


@click.command(
    epilog=examples(
        "flexguard status",
        "flexguard status --json",
        "flexguard status --management-group platform --all",
        "flexguard status --watch",
        "flexguard status --html status.html",
    )
)
@with_scope
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file to judge by.")
@click.option("--all", "everything", is_flag=True, help=f"Name all servers with a finding, not the first {MOST_SHOWN}.")
@click.option("--prices", metavar="FILE", type=click.Path(path_type=Path), help="A price file, for orphans.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write the app's status page instead.")
@click.option(
    "--watch",
    "interval_s",
    metavar="[SECONDS]",
    type=click.IntRange(10, 3600),
    is_flag=False,
    flag_value=60,
    help="Show it again every so many seconds, 60 if none are given, until Ctrl-C.",
)
@with_output
def command(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    prices: Path | None,
    html: Path | None,
    interval_s: int | None,
    *,
    everything: bool,
) -> int:
    """Say for every server whether it is protected, why not, and what to do.

    Judges by the rules file what Azure shows now, seconds to minutes late, and what the app knows where its table
    endpoint is set. Coverage counts protected servers among all that exist, but for those that Azure Backup does not
    take (replicas, elastic clusters) and those that are exempt. Exit code 1: somebody has something to do, or not all
    could be read.

    --json prints a list with one entry per server: id, name, subscription, subscription_name, group,
    region, tier, owner, mode, verdict, reason, fix, vault, policy, latest_point.

    --html writes the page that the app serves at /api/status: one file, made of the last sweep's record with its age,
    and of what is open. It needs the address of the app's blob storage.
    """
    if html:
        return _write_page(output, html)

    def show() -> int:
        return _status(output, scope, rules, prices, everything=everything)

    if interval_s is None:
        return show()
    from cli.live import watch

    return watch(output, interval_s, show, connect().cloud.transport.sleep)


def _status(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    prices: Path | None,
    *,
    everything: bool,
) -> int:
    """Read, judge and show the estate once."""
    from shared import rules_file
    from shared.core.cost import with_orphan_fee
    from shared.core.judgement import coverage, is_finding

    read, known = rules_file.load(rules or rules_path()), plan_price.read(prices)
    view = read_view(output, connect(), scope, [read])
    judged = tuple(with_orphan_fee(one, view.estate, known) for one in view.plan(read).judged)
    findings = [one for one in judged if is_finding(one.verdict)]
    output.data([one.line for one in judged])
    _show_counts(output, judged, coverage(judged))
    _show_findings(output, findings if everything else findings[:MOST_SHOWN], len(findings))
    return EXIT_FINDINGS if findings or view.estate.incomplete else EXIT_OK


def _write_page(output: Output, file: Path) -> int:
    """The page of the last sweep, as a file. Raises BadInput, and CloudError."""
    from shared.page.compose import is_quiet
    from shared.page.render import headline, render
    from shared.status import NoRecord, read

    _only_the_page()
    connection = connect()
    if not connection.settings.blob_endpoint:
        raise BadInput(
            f"this needs the app's record: set {VARIABLES['blob_endpoint']} to its blob endpoint,"
            " https://ACCOUNT.blob.core.windows.net"
        )
    try:
        page = read(connection.cloud, connection.ledger)
        file.write_text(render(page), encoding="utf-8", errors="replace")
    except NoRecord as reason:
        raise BadInput(str(reason)) from None
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}") from None
    output.say(f"Written: {file}, as of {page.at:%Y-%m-%d %H:%M} UTC: {headline(page)}")
    output.data(page)
    return EXIT_OK if is_quiet(page) else EXIT_FINDINGS


def _only_the_page() -> None:
    """The page is the app's: nothing that would judge anew has a say in it. Raises BadInput."""
    context = click.get_current_context()
    for option in context.command.params:
        is_given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if is_given and option.name not in ("html", "as_json"):
            raise BadInput(f"--html writes what the app has recorded; leave {option.opts[0]} out")


def _show_counts(output: Output, judged: "tuple[Judged, ...]", covered: "Coverage") -> None:
    counts = Counter(one.verdict.kind for one in judged)
    output.table(f"{len(judged):,} servers", ["verdict", "servers"], counts.most_common())
    share = "nothing to protect" if covered.percent is None else f"{covered.percent} %"
    output.say(
        f"\nCoverage: {covered.protected:,} of {covered.eligible:,} servers that could be protected ({share});"
        f" {covered.asking:,} ask for it\n"
    )


def _show_findings(output: Output, shown: "list[Judged]", total: int) -> None:
    if not total:
        output.say("Nobody has anything to do.", style="green")
        return
    rows = ((one.id.name, one.tier_name, one.verdict.kind, _said(one)) for one in shown)
    output.table("Somebody has something to do", ["server", "tier", "verdict", "why, and what to do"], rows)
    if total > len(shown):
        output.say(f"and {total - len(shown):,} more; --all names them")


def _said(one: "Judged") -> str:
    owner = f" [owner {one.intent.owner}]" if one.intent.owner else ""
    return f"{one.verdict.reason}\n→ {one.verdict.fix}{owner}" if one.verdict.fix else one.verdict.reason
