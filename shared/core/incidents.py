"""Decides what is worth telling a person, and in which words. An incident has a key: same key, same incident."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.core import names, resource_id
from shared.core.observed import Job
from shared.core.resource_id import ResourceId
from shared.core.verdict import Kind, Verdict

# Source: the service's troubleshooting guide, and recorded failures. code: (what it means, what to do).
_KNOWN = {
    "servernotreadyforlongtermbackup": ("the server was not ready", "start the server; the next backup is on schedule"),
    "resourcegroupnotfound": ("the server's resource group is gone", "see whether the server still exists"),
    "resourcenotfound": ("the server is gone", "see whether the server still exists"),
    "authorizationfailed": ("the vault's identity lacks a role", "assign the two roles to the vault's identity"),
    "usererrormissingrequiredpermissions": ("the vault's identity lacks a role", "assign the two roles again"),
    "usererrormaxconcurrentoperationlimitreached": ("another operation was running", "nothing; it is tried again"),
    "postgresqlflexservererror": (
        "the database service failed to make the backup",
        "run a backup by hand; if it fails again, open a support request with the job id",
    ),
    "internalservererror": ("the database service failed", "run a backup by hand; if it fails again, ask support"),
}
_UNKNOWN = ("the service names a cause that this version does not know", "open the job in the portal")


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people. key: of the incident; id: the same for the same incident, so that receivers fold it."""

    key: str
    kind: str
    subject: str
    summary: str
    reason: str
    fix: str
    at: datetime
    details: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return names.stable_guid("alert", self.key)


def failed_backups(jobs: Iterable[Job], server_types: frozenset[str], now: datetime) -> list[Alert]:
    """One alert for each failed backup job of a server of ours, oldest first. Each job has a key of its own."""
    failed = [job for job in jobs if _is_failed_backup(job, server_types)]
    return [_alert(job, now) for job in sorted(failed, key=lambda job: (job.started_at or now, job.name))]


def _is_failed_backup(job: Job, server_types: frozenset[str]) -> bool:
    server = resource_id.parse(job.server_id)
    is_ours = server is not None and server.type in server_types
    return is_ours and job.category.lower() == "backup" and job.status.lower() == "failed"


def _alert(job: Job, now: datetime) -> Alert:
    known = [code for code in reversed(job.codes) if code.lower() in _KNOWN]  # the innermost known code says most
    specific = min(known, key=lambda code: code.lower() == "internalservererror", default="")
    meaning, fix = _KNOWN.get(specific.lower(), _UNKNOWN)
    server = job.server_id.rsplit("/", 1)[-1]
    kind = "on-demand" if job.user_triggered else "scheduled"
    return Alert(
        key=f"job/{job.name.lower()}",
        kind="backup_failed",
        subject=job.server_id,
        summary=f"The {kind} backup of {server} failed: {meaning}",
        reason=f"{meaning} ({', '.join(job.codes) or 'no code'})",
        fix=fix,
        at=job.ended_at or job.started_at or now,
        details={"job": job.id, "vault": job.vault_id, "instance": job.instance_id, "message": job.message},
    )


def over_budget(subscription: str, counted: int, since: datetime, now: datetime) -> Alert:
    """Events change more servers than the rules allow within a day: one message, however many servers wait."""
    return Alert(
        key=f"budget/{subscription.lower()}/{since.isoformat()}",
        kind="over_budget",
        subject=f"/subscriptions/{subscription}",
        summary=f"More servers of subscription {subscription} would change than the rules allow",
        reason=f"events have changed {counted} servers since {since:%Y-%m-%d %H:%M} UTC; the others wait",
        fix="look at the next sweep's plan (`flexguard plan`) and approve its hash, or raise `brake` in the rules file",
        at=now,
    )


# Kinds of verdict that a person must hear of, as nothing but a person ends them: one message for a whole subscription.
REFUSALS = frozenset({Kind.CANNOT_ASSIGN_ROLES, Kind.SCOPE_LOCKED, Kind.AZURE_POLICY, Kind.PROVIDER, Kind.APP_RIGHTS})


def refused(verdict: Verdict, server: ResourceId, now: datetime) -> Alert | None:
    """Azure refuses what the app does; None for any other verdict. One incident for each kind and subscription."""
    if verdict.kind not in REFUSALS:
        return None
    return Alert(
        key=f"refused/{verdict.kind}/{server.subscription.lower()}",
        kind="refused",
        subject=server.text,
        summary=f"Azure refuses what is needed to protect {server.name}, and perhaps other servers",
        reason=verdict.reason,
        fix=verdict.fix,
        at=now,
        details={"verdict": verdict.kind, "subscription": server.subscription},
    )


def braked(plan_hash: str, servers: int, why: str, now: datetime) -> Alert:
    """The sweep would change too much at once: one message for each plan, with the hash that lets it go."""
    return Alert(
        key=f"brake/{plan_hash}",
        kind="brake",
        subject=f"plan {plan_hash}",
        summary=f"The sweep would change {servers} servers at once and waits for an approval",
        reason=why,
        fix=f"look at it with `flexguard plan`; `flexguard approve {plan_hash}` lets it go, or raise `brake`",
        at=now,
        details={"plan": plan_hash},
    )


def poison(text: str, message_id: str, now: datetime) -> Alert:
    """A message that the app could not work on, however often it was tried: a bug, or somebody else's message."""
    return Alert(
        key=f"poison/{message_id.lower()}",
        kind="message_poisoned",
        subject=text[:200],
        summary="A message could not be processed and was set aside",
        reason="the app failed on it five times in a row; its server is looked at again with its next event",
        fix="look for the exception in the app's log; the message is in the ledger",
        at=now,
    )
