"""Makes the tables of the evidence of what was read: one function for each, in a stable order. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from shared.core import resource_id
from shared.core.changes import Change as Changed
from shared.core.due import BECAUSE
from shared.core.estate import Estate
from shared.core.findings import exempt_until
from shared.core.incidents import Incident as Remembered
from shared.core.judgement import NOT_ELIGIBLE, Judged, Known, percent_of
from shared.core.judgement import coverage as covered
from shared.core.meaning import Meaning
from shared.core.observed import Instance, Vault
from shared.core.policy import Policy, means
from shared.core.retention_time import schedule
from shared.core.snapshot import Recorded
from shared.dossier import model
from shared.dossier.attainment import Counted, Ran, counted
from shared.dossier.model import Share, moment

NO_MEASURE: Final = "no measure"
_HOUR_S = 3600


def share(part: int, whole: int, *, is_complete: bool = True) -> Share:
    """A part of a whole; of nothing there is no measure, and none in percent of what was not read to its end."""
    measure = f"{part:,} of {whole:,}" if whole else NO_MEASURE
    percent = percent_of(part, whole) if is_complete else None
    return Share(
        part=part, whole=whole, percent=percent, measure=measure + ("" if is_complete else ", not all was read")
    )


# -- coverage ------------------------------------------------------------------------------------------------------

_BY: dict[Literal["all", "subscription", "region", "tier"], Callable[[Judged], str]] = {
    "all": lambda _: "",
    "subscription": lambda one: one.id.subscription,
    "region": lambda one: one.server.location if one.server else "",
    "tier": lambda one: one.tier_name,
}


def coverage(judged: Sequence[Judged], *, is_complete: bool) -> Iterator[model.Coverage]:
    """Coverage of all servers, which is there even when there are none, and of every group of them."""
    for by, of in _BY.items():
        groups: defaultdict[str, list[Judged]] = defaultdict(list, {"": []} if by == "all" else {})
        for one in judged:
            groups[of(one)].append(one)
        for name in sorted(groups):
            found = covered(groups[name])
            measured = share(found.protected, found.eligible, is_complete=is_complete)
            yield model.Coverage(
                by=by,
                of=name,
                protected=found.protected,
                eligible=found.eligible,
                percent=measured.percent,
                measure=measured.measure,
                asking=found.asking,
                exceptions=len(groups[name]) - found.eligible,
            )


def days(found: Iterable[Recorded]) -> Iterator[model.Day]:
    """What the record of each day says, the oldest first."""
    for one in sorted(found, key=lambda one: one.at):
        measured = share(one.protected, one.eligible, is_complete=one.is_complete)
        yield model.Day(
            at=moment(one.at) or one.at,
            protected=one.protected,
            eligible=one.eligible,
            percent=measured.percent,
            measure=measured.measure,
            complete=_answer(one.is_complete),
        )


def exceptions(judged: Iterable[Judged]) -> Iterator[model.Exempted]:
    """Everybody whom the denominator of the coverage leaves out."""
    for one in judged:
        if one.verdict.kind in NOT_ELIGIBLE:
            yield model.Exempted(
                server=one.id.text,
                name=one.id.name,
                owner=one.intent.owner,
                verdict=one.verdict.kind.value,
                reason=one.verdict.reason,
                until=moment(exempt_until(one.verdict.reason)),
            )


# -- servers -------------------------------------------------------------------------------------------------------


def servers(judged: Iterable[Judged], estate: Estate) -> Iterator[model.Server]:
    """Every server, with the policy that its backup follows."""
    for one in judged:
        line, instance = one.line, instance_of(one, estate)
        policy = policy_of(instance, estate)
        meaning = policy.meaning if policy else None
        yield model.Server(
            server=line.id,
            name=line.name,
            subscription=line.subscription,
            region=line.region,
            owner=line.owner,
            tier=line.tier,
            mode=line.mode,
            verdict=line.verdict,
            reason=line.reason,
            fix=line.fix,
            vault=instance.vault_id if instance else "",
            instance=instance.id if instance else "",
            policy=instance.policy_id if instance else "",
            schedule=_schedule(meaning) if meaning else "",
            retention=_retention(meaning) if meaning else "",
            follows_tier=_answer(means(meaning, one.tier)) if meaning and one.tier else NO_MEASURE,
        )


def instance_of(one: Judged, estate: Estate) -> Instance | None:
    """The backup instance that was judged, None where there is none."""
    return next(iter(estate.instances.get(one.id.key, ())), None)


def policy_of(instance: Instance | None, estate: Estate) -> Policy | None:
    """The policy that an instance follows, None where it was not found."""
    if instance is None:
        return None
    there = estate.policies.get(instance.vault_id.lower(), ())
    return next((policy for policy in there if policy.id.lower() == instance.policy_id.lower()), None)


_schedule = lru_cache(maxsize=256)(schedule)


@lru_cache(maxsize=256)
def _retention(meaning: Meaning) -> str:
    return "; ".join(f"{rule.name} {rule.keep}" for rule in meaning.every_rule)


def _answer(is_so: bool) -> Literal["yes", "no"]:
    return "yes" if is_so else "no"


# -- points --------------------------------------------------------------------------------------------------------


def attainment(
    judged: Iterable[Judged],
    estate: Estate,
    ran: Mapping[str, Ran],
    known: Mapping[str, datetime],
    period: tuple[datetime, datetime],
) -> Iterator[model.Attainment]:
    """By lower-case server id: ran, backups, also those before the period; known, since when records have one."""
    began, ended = period
    for one in judged:
        instance = instance_of(one, estate)
        if not instance and not one.tier:
            continue
        policy, mine = policy_of(instance, estate), ran.get(one.id.key, Ran())
        firsts = [at for at in (known.get(one.id.key), mine.known_since) if at]
        since = max(began, min(firsts)) if firsts else None
        meaning = policy.meaning if policy else None
        found = counted(meaning, since, ended, mine) if meaning and since else Counted()
        measured, point = share(found.made, found.expected), one.latest_point
        age_h = _hours((estate.now - point).total_seconds()) if point else None
        limit_h = _hours(one.tier.max_age.longest.total_seconds()) if one.tier else None
        yield model.Attainment(
            server=one.id.text,
            name=one.id.name,
            owner=one.intent.owner,
            tier=one.tier_name,
            known_since=moment(since),
            expected=found.expected,
            made=found.made,
            made_on_demand=found.on_demand,
            used_up=found.used_up,
            percent=measured.percent,
            measure=measured.measure,
            failed=sum(began <= at < ended for at in mine.failed),
            latest_point=moment(point),
            age_h=age_h,
            max_age_h=limit_h,
            within=NO_MEASURE if limit_h is None else _answer(age_h is not None and age_h <= limit_h),
            unclear="" if found.expected else _unclear(instance, policy, since),
        )


def _hours(seconds: float) -> float:
    return round(seconds / _HOUR_S, 1)


def _unclear(instance: Instance | None, policy: Policy | None, since: datetime | None) -> str:
    if instance is None:
        return "it has no backup"
    if policy is None:
        return "its policy was not found"
    if policy.meaning is None:
        return f"its policy is not understood: {policy.unclear}"
    if since is None:
        return "no record of a day and no job of the period tells since when the backup is there"
    return "no backup was due a day or longer ago"


# -- jobs ----------------------------------------------------------------------------------------------------------


def on_demand(
    jobs: Iterable[model.Job], judged: Iterable[Judged], known: Mapping[str, Known]
) -> Iterator[model.OnDemand]:
    """jobs: all of the period. The app remembers why it started the newest backup of each server."""
    named = {one.id.key: one for one in judged}
    for job in jobs:
        if job.kind != "on demand" or job.category.lower() != "backup":
            continue
        key = job.server.lower()
        one, memory = named.get(key), known[key].memory.backup if key in known else None
        is_ours = memory is not None and memory.job_id.rsplit("/", 1)[-1].lower() == job.job.lower()
        yield model.OnDemand(
            started_at=job.started_at,
            server=job.server,
            name=_last(job.server),
            owner=one.intent.owner if one else "",
            status=job.status,
            why=BECAUSE.get(memory.why, memory.why) if memory and is_ours else "",
            job=job.job,
            vault=job.vault,
        )


# -- vaults, changes, incidents ------------------------------------------------------------------------------------


def vaults(found: Iterable[Vault], estate: Estate) -> Iterator[model.Vault]:
    """The posture of these vaults."""
    counts = Counter(one.vault_id.lower() for each in estate.instances.values() for one in each)
    for vault in sorted(found, key=lambda one: one.id.lower()):
        yield model.Vault(
            vault=vault.id,
            name=vault.name,
            region=vault.location,
            state=vault.state,
            redundancy=vault.redundancy,
            cross_region_restore=vault.cross_region_restore,
            soft_deletion=vault.soft_deletion,
            soft_deletion_days=vault.soft_deletion_days,
            immutability=vault.immutability,
            guard="yes" if vault.guarded else "no",
            identity="user" if vault.identity_url else "system" if vault.principal_id else "none",
            admitted="yes" if vault.admitted else "no",
            servers=counts[vault.id.lower()],
        )


def changes(found: Iterable[Changed]) -> Iterator[model.Change]:
    """Changes, the oldest first."""
    for one in sorted(found, key=lambda one: (one.at, one.id.lower())):
        yield model.Change(
            at=moment(one.at) or one.at,
            server=one.id,
            was=one.was,
            verdict=one.verdict,
            tier_was=one.tier_was,
            tier=one.tier,
            reason=one.reason,
        )


def incidents(found: Iterable[Remembered]) -> Iterator[model.Incident]:
    """Incidents, the oldest first."""
    for one in sorted(found, key=lambda one: (one.opened_at, one.key)):
        yield model.Incident(
            opened_at=moment(one.opened_at) or one.opened_at,
            closed_at=moment(one.closed_at),
            severity=one.severity.value,
            kind=one.kind,
            title=one.title,
            reason=one.words,
            fix=one.fix,
            owner=one.owner,
            place=one.place,
            cause=one.cause,
            servers=max(one.most, len(one.subjects)),
            named=", ".join(_last(subject) for subject, _ in one.shown),
            incident=one.key,
        )


def _last(text: str) -> str:
    parsed = resource_id.parse(text)
    return parsed.name if parsed else text
