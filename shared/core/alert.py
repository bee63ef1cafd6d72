"""What people are told, as one value that every channel renders, and the few things that are told at once.

An alert is about one incident. Its words may hold what strangers wrote (names, tags, errors); channels escape them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.core import names
from shared.core.matching import fold
from shared.core.resource_id import ResourceId
from shared.core.verdict import Kind, Verdict


class Severity(StrEnum):
    """How soon somebody should look. EXPECTED is written down and sent to nobody."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    EXPECTED = "expected"

    def reaches(self, least: str) -> bool:
        """Whether this is at least as severe as `least`."""
        order = list(Severity)
        return order.index(self) <= order.index(Severity(least))


class Phase(StrEnum):
    """Where in the life of its incident an alert is sent."""

    OPENED = "opened"
    REPEATED = "repeated"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people about one incident.

    key: of the incident; id: the same for the same message, so that receivers fold it. subject: the one thing that it
    is about, else the place. count: servers that it is about now. shown: some of them, with what is said of each.
    opened_at: None for what nobody has written down yet. tags: values of allow-listed tags of the subject.
    occurrence: of what happened once, such as a message that could not be processed.
    """

    key: str
    kind: str
    subject: str
    summary: str
    reason: str
    fix: str
    at: datetime
    details: dict[str, str] = field(default_factory=dict)
    severity: Severity = Severity.NORMAL
    phase: Phase = Phase.OPENED
    cause: str = ""
    place: str = ""
    owner: str = ""
    link: str = ""
    count: int = 1
    shown: tuple[tuple[str, str], ...] = ()
    opened_at: datetime | None = None
    number: int = 1
    tags: tuple[tuple[str, str], ...] = ()
    occurrence: str = ""

    @property
    def id(self) -> str:
        opened = self.opened_at.isoformat() if self.opened_at else ""
        return names.stable_guid("alert", self.key, opened, self.phase, str(self.number))

    @property
    def incident_id(self) -> str:
        """The same for every message of one incident, from opened to recovered."""
        return names.stable_guid("incident", self.key, self.opened_at.isoformat() if self.opened_at else "")

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What every channel shows beside the summary, as names and values; empty ones are left out."""
        told = (
            ("Reason", self.reason), ("Next step", self.fix), ("Where", self.place), ("Owner", self.owner),
            ("Severity", self.severity.value), ("Servers", str(self.count) if self.count > 1 else ""),
            ("Since", f"{self.opened_at:%Y-%m-%d %H:%M} UTC" if self.opened_at else ""), *self.tags,
        )  # fmt: skip
        return tuple((name, value) for name, value in told if value)


def key_of(kind: str, cause: str, place: str, owner: str) -> str:
    """The key of an incident: the same cause at the same place for the same owner is one."""
    return "/".join((kind, fold(cause), place.lower(), fold(owner)))


# Kinds of verdict that a person must hear of, as nothing but a person ends them: one message for a whole subscription.
REFUSALS = frozenset({Kind.CANNOT_ASSIGN_ROLES, Kind.SCOPE_LOCKED, Kind.AZURE_POLICY, Kind.PROVIDER, Kind.APP_RIGHTS})


def over_budget(subscription: str, counted: int, since: datetime, now: datetime) -> Alert:
    """Events change more servers than the rules allow within a day: one message, however many servers wait."""
    return Alert(
        key=key_of("over_budget", "", subscription, ""),
        kind="over_budget",
        subject=f"/subscriptions/{subscription}",
        summary=f"More servers of subscription {subscription} would change than the rules allow",
        reason=f"events have changed {counted} servers since {since:%Y-%m-%d %H:%M} UTC; the others wait",
        fix="look at the next sweep's plan (`flexguard plan`) and approve its hash, or raise `brake` in the rules file",
        at=now,
        place=subscription,
    )


def refused(verdict: Verdict, server: ResourceId, now: datetime) -> Alert | None:
    """Azure refuses what the app does; None for any other verdict. One incident for each kind and subscription."""
    if verdict.kind not in REFUSALS:
        return None
    return Alert(
        key=key_of("refused", verdict.kind, server.subscription, ""),
        kind="refused",
        subject=server.text,
        summary=f"Azure refuses what is needed to protect {server.name}, and perhaps other servers",
        reason=verdict.reason,
        fix=verdict.fix,
        at=now,
        details={"verdict": verdict.kind, "subscription": server.subscription},
        severity=Severity.HIGH,
        cause=verdict.kind,
        place=server.subscription,
    )


def braked(plan_hash: str, servers: int, why: str, now: datetime) -> Alert:
    """The sweep would change too much at once: one message for each plan, with the hash that lets it go."""
    return Alert(
        key=key_of("brake", plan_hash, "", ""),
        kind="brake",
        subject=f"plan {plan_hash}",
        summary=f"The sweep would change {servers} servers at once and waits for an approval",
        reason=why,
        fix=f"look at it with `flexguard plan`; `flexguard approve {plan_hash}` lets it go, or raise `brake`",
        at=now,
        details={"plan": plan_hash},
        cause=plan_hash,
        count=servers,
    )


def poison(text: str, message_id: str, now: datetime) -> Alert:
    """A message that the app could not work on, however often it was tried: a bug, or somebody else's message."""
    return Alert(
        key=key_of("message_poisoned", "", "", ""),
        kind="message_poisoned",
        subject=text[:200],
        summary="A message could not be processed and was set aside",
        reason="the app failed on it five times in a row; its server is looked at again with its next event",
        fix="look for the exception in the app's log, beside the fact message_poisoned with its text",
        at=now,
        severity=Severity.HIGH,
        occurrence=message_id,
    )


def summarized(title: str, subjects: Iterable[str], count: int, phase: Phase) -> str:
    """One line: what happened, to whom or to how many."""
    named = [subject.rsplit("/", 1)[-1] for subject in subjects if subject]
    whom = f": {named[0]}" if count == 1 and named else f": {count:,} servers" if count > 1 else ""
    return {Phase.OPENED: "", Phase.REPEATED: "Still: ", Phase.RECOVERED: "Recovered: "}[phase] + title + whom
