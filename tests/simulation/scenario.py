"""What a seed decides: the estate, the rules, what people do, and what goes wrong. Data only; `play.py` plays it."""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.fault_names import FAULTS, of_place

SUBSCRIPTION = "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
USUAL = 5  # servers at most
REGIONS = ("westeurope", "northeurope")
# How long things go wrong: most meet in a short time, some need a long one.
FAULTS_S = (1800.0, 1800.0, 1800.0, 3600.0, 3600.0, 3600.0, 2 * 3600.0, 3 * 3600.0)
STARTS = (
    datetime(2026, 11, 23, 8, 0, tzinfo=UTC),  # a Monday morning
    datetime(2026, 11, 21, 19, 0, tzinfo=UTC),  # the night in which the weekly backups run
    datetime(2026, 10, 24, 21, 0, tzinfo=UTC),  # the night in which summer time ends
)
# What can never happen to the app, which deletes no policies; and what would make the whole world unprotectable.
NEVER = {
    "policy_in_use": "the app deletes no policy",
    "server_too_large": "it is no accident: every backup of every server would fail",
}
RATED = tuple(name for name, kind in FAULTS.items() if kind.place != "world" and name not in NEVER)
# Some details are drawn, so that nothing lasts longer than the quiet phase. name: (detail, from, to)
DETAILS = {
    "throttle": ("retry_after_s", 1, 900), "throttle_date": ("retry_after_s", 1, 900),
    "delay_event": ("after_s", 30, 10_800), "graph_stale": ("lag_s", 30, 7200), "graph_phantom": ("lag_s", 30, 7200),
    "clock_skew": ("skew_s", -300, 300), "store_rolled_back": ("after_s", 60, 7200),
    "replay_message": ("after_s", 60, 7200), "slow_protection": ("after_s", 60, 3600),
    "slow_role": ("after_s", 60, 2400), "late_job": ("after_s", 60, 7200), "job_turns": ("after_s", 60, 7200),
}  # fmt: skip
LATE = ("after_s", "lag_s")
LASTS = (*LATE, "for_s")
# A message that was taken five times is given up on; in the poison queue itself nobody would ever take it again.
ONLY_AT = {"poison_message": "queue get /converge/messages"}
# What is rare gets faults of its own.
TARGETS = (
    "flexibleservers/read", "/backupinstances/read", "backuppolicies/read", "roleassignments/read",
    "deletedbackupinstances/read", "recoverypoints/read", "backupvaults/read", "operationstatus/read", "resourcegraph",
    "validateforbackup", "backupinstances/write", "/backup/action", "backuppolicies/write", "roleassignments/write",
    "sync/action", "resume", "undelete", "table get", "table put", "table post", "table patch", "queue post /converge/",
    "queue delete", "grid publish", "blob",
)  # fmt: skip
# Where an answer that is lost, and a process that dies, do the most harm.
CRITICAL = (
    "/backup/action", "/backup/action", "backupinstances/write", "validateforbackup", "policies/write",
    "roleassignments/write", "table put", "table post", "queue post /converge/",
)  # fmt: skip
ANYWHERE = ("refused", "lost", "applied", "death")
# Every kind of call that the app and its host make: each world has one fault that is meant for one of them.
NO_ROLE = {"code": "UserErrorMissingRequiredPermissions", "message": "Appropriate permissions are missing."}
DATA_PROTECTION = "microsoft.dataprotection/backupvaults"
CALLS = (
    "table get", "table put", "table post", "table patch", "blob get", "blob put", "grid publish",
    *(f"queue {verb} /converge/" for verb in ("get", "post", "delete")), "queue put /converge ",
    *(f"queue {verb} /converge-poison/" for verb in ("get", "post", "delete")), "queue put /converge-poison ",
    "queue get /events-poison/", "microsoft.resourcegraph/resources/read ", "flexibleservers/read ",
    "microsoft.dataprotection/backupinstances/read ", f"{DATA_PROTECTION}/read ", "roleassignments/read ",
    "roleassignments/write ", *(
        f"{DATA_PROTECTION}/{what} " for what in (
            "backupjobs/read", "deletedbackupinstances/read", "backuppolicies/read", "backuppolicies/write",
            "validateforbackup/action", "operationstatus/read", "backupinstances/read", "backupinstances/write",
            "backupinstances/recoverypoints/read", "backupinstances/backup/action", "backupinstances/sync/action",
            "backupinstances/resumeprotection/action", "deletedbackupinstances/undelete/action",
        )
    ),
)  # fmt: skip
# What makes the rare ones happen.
OCCASIONS: dict[str, dict[str, Any]] = {
    f"{DATA_PROTECTION}/backupinstances/sync/action ": {"state": "ProtectionError", "error": NO_ROLE},
    f"{DATA_PROTECTION}/backupinstances/read ": {"state": "ConfiguringProtectionFailed", "error": NO_ROLE},
    f"{DATA_PROTECTION}/backupinstances/resumeprotection/action ": {"state": "ProtectionStopped"},
    f"{DATA_PROTECTION}/deletedbackupinstances/undelete/action ": {},  # it is deleted
}
TAGS = ("gold", "gold", "Gold ", "SILVER", "silver", "silver", "bronze", "bronze", "none", "golf", "")
PEOPLE = (
    "server_deleted", "server_recreated", "server_stopped", "server_moved", "server_promoted", "role_revoked",
    "foreign_instance", "soft_deleted_instance", "instance_state", "lock_added", "policy_deleted", "provider_gone",
    "vault_guarded", "vault_immutable", "vault_state", "vault_without_identity", "vault_new_identity", "vault_deleted",
)  # fmt: skip
# What is not done in the middle of a call: Azure refuses a second instance.
ALONE = ("hosts_down", "foreign_instance", "soft_deleted_instance")
ODD_STATES = ("ProtectionStopped", "BackupsSuspended", "ProtectionError", "ConfiguringProtectionFailed", "Sideways")
OWNERS = ("team-shop", "Team-Orders", "")
CANARY = "hunter2-{}-canary"


@dataclass(frozen=True)
class PlannedServer:
    """A server of the estate. at_s: when it is asked for; before 0 it was there before the app."""

    name: str
    group: str
    region: str
    tags: dict[str, str]
    at_s: float
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mishap:
    """A fault that happens by chance during the first phase. seed: of its chance; target: what it happens to."""

    kind: str
    rate: float
    seed: int
    times: int = 0
    target: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        often = f", at most {self.times} times" if self.times else ""
        where = f"of '{self.target}'" if self.target else ""
        return " ".join(filter(None, (f"{self.kind} at {self.rate:.0%}{often}", where, str(self.detail or ""))))


@dataclass(frozen=True)
class Deed:
    """Something that is done at a time: a change of `simulator.sudden`, or "hosts_down" for `detail[for_s]`.

    in_call: it happens in the middle of what the app does, just before one of its next calls.
    """

    at_s: float
    kind: str
    server: int
    in_call: bool = False
    detail: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        when = f"after {self.at_s / 60:.0f} min{', before a call' if self.in_call else ''}"
        return " ".join(filter(None, (self.kind, f"(server {self.server})", when, str(self.detail or ""))))


@dataclass(frozen=True)
class Scenario:
    """Everything that a run depends on. workers: instances of the app. meddling: how often they run into each other.

    down_s: how long the process stays away after it died. page: rows on a page of Resource Graph. faults_s: how long
    things go wrong. most_servers: what it was drawn for.
    """

    seed: int
    start: datetime
    rules: dict[str, str]
    servers: tuple[PlannedServer, ...]
    workers: int
    meddling: float
    down_s: float
    page: int
    mishaps: tuple[Mishap, ...]
    deeds: tuple[Deed, ...]
    faults_s: float
    most_servers: int

    @property
    def end_of_faults(self) -> datetime:
        """When the last thing has gone wrong."""
        return self.start + timedelta(seconds=self.faults_s)

    def lingers_s(self, struck: Collection[str]) -> float:
        """How long something that went wrong may last after that: an event that comes late, a row that is old.

        struck: the kinds of faults that have happened at all.
        """
        late = (mishap.detail.get(what, 0.0) for mishap in self.mishaps for what in LATE if mishap.kind in struck)
        return max(late, default=0.0)

    def without_server(self, index: int) -> "Scenario":
        """The same without one server and what is done to it."""
        kept = self.servers[:index] + self.servers[index + 1 :]
        deeds = [
            replace(deed, server=deed.server - (deed.server > index)) for deed in self.deeds if deed.server != index
        ]
        return replace(self, servers=kept, deeds=tuple(deeds))


def draw(seed: int, servers: int = USUAL, edition: int = 2) -> Scenario:
    """The scenario of a seed, with at most so many servers. The same for the same arguments, always.

    edition: 1 draws what seeds once meant: three hours of mishaps, and none that are meant for the critical calls. In
    the second nothing is late by more than the time in which things go wrong.
    """
    chance, later = random.Random(f"scenario:{seed}"), random.Random(f"second edition:{seed}")
    faults_s = later.choice(FAULTS_S) if edition > 1 else FAULTS_S[-1]
    estate = tuple(_server(chance, index, faults_s) for index in range(chance.randint(1, servers)))
    if edition > 1:  # one at least is to be protected, and backed up at once
        tags = estate[0].tags | {"backup-tier": later.choice(("gold", "Gold ", "silver"))}
        estate = (replace(estate[0], tags=tags, properties={}), *estate[1:])
    drawn = Scenario(
        seed=seed,
        start=chance.choice(STARTS),
        rules=_rules(chance),
        servers=estate,
        workers=chance.choice((1, 1, 2, 3)),
        meddling=chance.choice((0.0, 0.02, 0.1, 0.5)),
        down_s=chance.choice((0.0, 0.0, 60.0, 1800.0)),
        page=chance.choice((1, 2, 1000)),
        mishaps=_mishaps(chance),
        deeds=tuple(sorted(_deeds(chance, estate, faults_s), key=lambda deed: deed.at_s)),
        faults_s=faults_s,
        most_servers=servers,
    )
    if edition == 1:
        return drawn
    own = _of_its_own(seed)
    sharp = (*_sharp(later), *_crowd(later, drawn.meddling), own)
    mishaps = tuple(_no_longer(each, faults_s) for each in (*drawn.mishaps, *sharp))
    deeds = [_no_longer(each, faults_s) for each in (*drawn.deeds, *_meant(later, estate, faults_s))]
    rules = drawn.rules
    if own.target in OCCASIONS:
        detail = OCCASIONS[own.target]
        kind = "instance_state" if detail else "instance_deleted"
        deeds += [Deed(0.6 * faults_s, kind, 0, detail=detail), Deed(0.6 * faults_s + 30, "backup_now", 0)]
        rules = rules | {"mode": "protect", "resume": "allow"}
    deeds.sort(key=lambda deed: deed.at_s)
    return replace(drawn, rules=rules, mishaps=mishaps, deeds=tuple(deeds), page=later.choice((2, 1000, 1000)))


def _rules(chance: random.Random) -> dict[str, str]:
    return {
        "mode": chance.choices(("protect", "observe"), (19, 1))[0],
        "adopt": chance.choice(("report", "take")),
        "downgrade": chance.choice(("finding", "allow")),
        "resume": chance.choice(("finding", "allow")),
        "grant": chance.choice(("server", "server", "resource_group")),
        "default": chance.choice(("", "", "bronze")),
    }


def _server(chance: random.Random, index: int, faults_s: float) -> PlannedServer:
    kinds: tuple[dict[str, Any], ...] = ({}, {}, {}, {}, {"replicationRole": "AsyncReplica"}, {"cluster": {"size": 2}})
    tags = {"backup-tier": chance.choice(TAGS)} if chance.random() < 0.85 else {}
    if tags.get("backup-tier") == "none" and chance.random() < 0.7:
        tags |= {"backup-exempt-until": "2027-01-15", "backup-exempt-reason": "load test"}
    tags |= {"db-password": CANARY.format(index), "backup-owner": OWNERS[index % len(OWNERS)]}
    at_s = chance.choice((-3600.0, -3600.0, 0.0, chance.uniform(0, faults_s / 2)))
    group = chance.choice(("rg-shop", "rg-orders"))
    return PlannedServer(f"pg-{index}", group, chance.choice(REGIONS), tags, at_s, chance.choice(kinds))


def _mishaps(chance: random.Random) -> tuple[Mishap, ...]:
    """A swarm: some kinds, each with its own intensity; now and then none at all."""
    chosen = sorted(chance.sample(RATED, chance.choice((0, 2, 4, 8, 16))))
    return tuple(_mishap(chance, name) for name in chosen)


def _sharp(chance: random.Random) -> Iterator[Mishap]:
    """Answers that are lost, and deaths, at the critical calls, in half of the worlds."""
    names = [name for name in RATED if FAULTS[name].place in ANYWHERE[1:] and not FAULTS[name].target]
    for _ in range(chance.choice((0, 0, 0, 1, 2, 3))):
        name, target = chance.choice(names), chance.choice(CRITICAL)
        rate, times = chance.choice((0.3, 0.6)), chance.randint(1, 3)
        yield replace(_mishap(chance, name), rate=rate, times=times, target=target)


def _of_its_own(seed: int) -> Mishap:
    """One fault at one call, such that the seeds together try every kind of fault at every kind of call."""
    kinds = [name for name in RATED if FAULTS[name].place in ANYWHERE and not FAULTS[name].target]
    kind, call = kinds[seed % len(kinds)], CALLS[seed // len(kinds) % len(CALLS)]
    return Mishap(kind, 0.9, seed, 1 + seed % 3, call)


def _meant(chance: random.Random, estate: tuple[PlannedServer, ...], faults_s: float) -> Iterator[Deed]:
    """What people do in time to matter: ask for less, stop protection, protect by hand; a vault that does not work."""
    less = {"tags": {"backup-tier": chance.choice(("silver", "bronze", "bronze")), "backup-owner": OWNERS[0]}}
    acts: tuple[tuple[str, float, float, dict[str, Any]], ...] = (
        ("server_tagged", 0.15, faults_s, less),
        ("instance_state", 0.15, faults_s, {"state": "ProtectionStopped"}),
        ("foreign_instance", 0.15, 900, {}),
        ("vault_state", 0.05, 300, {"state": "Updating"}),
    )
    for kind, rate, within_s, detail in acts:
        server, share = chance.randrange(len(estate)), chance.uniform(0.4, 0.9)
        if chance.random() < rate:
            yield Deed(share * within_s, kind, server, detail=detail)


def _crowd(chance: random.Random, meddling: float) -> Iterator[Mishap]:
    """Events that come twice at once, in a part of the worlds in which messages run into each other."""
    if meddling >= 0.1 and chance.random() < 0.4:
        yield Mishap("duplicate_event", 0.5, chance.getrandbits(32))


def _no_longer[One: (Mishap, Deed)](drawn: One, most_s: float) -> One:
    detail = {what: min(value, most_s) if what in LASTS else value for what, value in drawn.detail.items()}
    return replace(drawn, detail=detail)


def _mishap(chance: random.Random, name: str) -> Mishap:
    rate, times = chance.choice((0.01, 0.03, 0.1, 0.3)), 0
    if name in of_place("death", "storage", "identity"):
        rate, times = min(rate, 0.03), chance.randint(1, 4)
    elif FAULTS[name].target or name in of_place("service", "operation", "started", "role", "graph", "jobs"):
        rate = chance.choice((0.1, 0.3, 0.6, 0.9))  # there are few of these
    detail: dict[str, Any] = {}
    if name in DETAILS:
        what, least, most = DETAILS[name]
        detail = {what: round(chance.uniform(least, most))}
    if name == "fail_protection" and chance.random() < 0.5:
        detail = dict(NO_ROLE)
    target = ONLY_AT.get(name, "")
    if FAULTS[name].place in ANYWHERE and not FAULTS[name].target and chance.random() < 0.6:
        rate, target = chance.choice((0.1, 0.3, 0.6)), chance.choice(TARGETS)
    return Mishap(name, rate, chance.getrandbits(32), times, target, detail)


def _wishes(chance: random.Random, estate: tuple[PlannedServer, ...], faults_s: float) -> list[Deed]:
    """People who ask for backups; some ask twice."""
    asked = [(chance.uniform(0, faults_s), chance.randrange(len(estate))) for _ in range(chance.choice((0, 0, 1, 2)))]
    again = [(at_s + 40, server) for at_s, server in asked if chance.random() < 0.3]
    return [Deed(at_s, "backup_now", server) for at_s, server in (*asked, *again)]


def _deeds(chance: random.Random, estate: tuple[PlannedServer, ...], faults_s: float) -> list[Deed]:
    often = ("server_tagged", "server_tagged", "server_tagged", "instance_state", "foreign_instance", "hosts_down")
    kinds = (*PEOPLE, *often, *often)
    deeds = []
    for _ in range(chance.choice((0, 1, 3, 6))):
        server, kind = chance.randrange(len(estate)), chance.choice(kinds)
        detail: dict[str, Any] = {}
        if kind == "server_tagged":
            tier = {"backup-tier": chance.choice(TAGS)} if chance.random() < 0.8 else {}
            detail = {"tags": tier | {"db-password": CANARY.format(server), "backup-owner": OWNERS[server % 2]}}
        if kind == "instance_state":
            detail = {"state": chance.choice(ODD_STATES)} | ({"error": NO_ROLE} if chance.random() < 0.5 else {})
        if kind == "vault_state":
            detail = {"state": chance.choice(("Failed", "Updating"))}
        if kind == "hosts_down":
            detail = {"for_s": chance.choice((300, 3600, 3 * 3600))}
        in_call = kind not in ALONE and chance.random() < 0.5
        latest_s = 1200 if kind == "foreign_instance" else faults_s
        deeds.append(Deed(chance.uniform(0, latest_s), kind, server, in_call, detail))
    return deeds
