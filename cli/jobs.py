"""What have the vaults done of late, and what went wrong? `flexguard jobs`."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, Output, examples, with_output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.core.observed import Job

MOST_SHOWN = 40
LISTED_DAYS = 14  # Source: recordings: a vault lists the jobs of 14 days
_FAILED = "failed"


@click.command(
    epilog=examples(
        "flexguard jobs",
        "flexguard jobs --failed --days 7",
        "flexguard jobs --server pg-orders --json",
    )
)
@click.option("--failed", is_flag=True, help="Only those that failed.")
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, LISTED_DAYS),
    default=2,
    show_default=True,
    help=f"How far back, at most {LISTED_DAYS} days.",
)
@click.option("--server", metavar="SERVER", help="Only those of one server, by its name or its full id.")
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file that names the vaults.")
@click.option("--all", "everything", is_flag=True, help=f"Show every job, not the newest {MOST_SHOWN}.")
@with_output
def command(
    output: Output, days: int, server: str | None, rules: Path | None, *, failed: bool, everything: bool
) -> int:
    """List the newest jobs of the vaults, and why they failed.

    Reads the jobs of the vaults that the rules speak of, as Azure Backup lists them: backups and restores of servers.
    Exit code 1: one of those that are listed has failed, or a vault could not be read.

    --json prints {"jobs": […], "missing": […]}; a job has id, server, vault, instance, kind, category, status, start,
    end, code, reason, fix.
    """
    from shared import rules_file
    from shared.jobs import jobs

    read, cloud, asked = rules_file.load(rules or rules_path()), connect().cloud, (server or "").strip().lower()

    def wanted(job: "Job", began: datetime) -> bool:
        is_meant = not asked or asked in (job.server_id.lower(), _name(job).lower())
        return is_meant and began >= cloud.now - timedelta(days=days) and (not failed or job.status.lower() == _FAILED)

    with output.progress("Reading jobs") as advance:
        found = jobs(cloud, read, wanted, advance)
    for missing in found.missing:
        output.warn(f"incomplete, not all could be read: {missing}")
    output.data({"jobs": [_as_data(job) for job in found.jobs], "missing": found.missing})
    _show(output, found.jobs, days, len(found.jobs) if everything else MOST_SHOWN)
    has_failed = any(job.status.lower() == _FAILED for job in found.jobs)
    return EXIT_FINDINGS if has_failed or found.missing else EXIT_OK


def _name(job: "Job") -> str:
    return job.server_id.rsplit("/", 1)[-1]


def _kind(job: "Job") -> str:
    return "on demand" if job.user_triggered else "scheduled"


def _as_data(job: "Job") -> dict[str, Any]:
    from shared.core.failures import explain

    failure = explain(job.codes) if job.codes else None
    return {
        "id": job.id,
        "server": job.server_id,
        "vault": job.vault_id,
        "instance": job.instance_id,
        "kind": _kind(job),
        "category": job.category,
        "status": job.status,
        "start": job.started_at,
        "end": job.ended_at,
        "code": failure.code if failure else "",
        "reason": failure.words if failure else "",
        "fix": failure.fix if failure else "",
    }


def _show(output: Output, found: "tuple[Job, ...]", days: int, most: int) -> None:
    since = "day" if days == 1 else f"{days} days"
    if not found:
        output.say(f"No such jobs in the last {since}.")
        return
    counts = ", ".join(f"{count:,} {status}" for status, count in Counter(job.status for job in found).most_common())
    many = "1 job" if len(found) == 1 else f"{len(found):,} jobs"
    output.say(f"{many} in the last {since}: {counts}\n", style="bold")
    output.table("", ["began (UTC)", "server", "what", "status", "min", "why, and what to do"], _rows(found[:most]))
    if len(found) > most:
        output.say(f"and {len(found) - most:,} more; --all shows them, --json has everything")


def _rows(found: "tuple[Job, ...]") -> "Iterable[list[str]]":
    from shared.core.failures import explain

    for job in found:
        failure = explain(job.codes) if job.codes else None
        began, ended = job.started_at, job.ended_at
        yield [
            f"{began:%m-%d %H:%M}" if began else "",
            _name(job),
            _kind(job) if job.category.lower() == "backup" else job.category,
            job.status,
            f"{(ended - began).total_seconds() / 60:.0f}" if began and ended else "",
            f"{failure.words}\n→ {failure.fix}" if failure else "",
        ]
