"""What the types of the rules cannot say: what must go together, and what the service will not do as it is meant.

Errors keep the file from being used; warnings do not. Each names the place, and who says so where Azure does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.core.alert_rules import TOPIC, Alerts
from shared.core.limits import COMMAND_LINE, SUPPORT_MATRIX
from shared.core.rules import Custom, Default, Override, Rules, Span, Tier
from shared.rules_reader import valid

BUILT_IN = {"default": 99, "weekly": 20, "monthly": 15, "yearly": 10}
_INTERVAL_DAYS = 7
_TYPICAL_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.2425 / 12, "year": 365.2425}
# The days of a month that the nth of a weekday can fall on.
_DATES_OF_WEEK = {
    "first": range(1, 8), "second": range(8, 15), "third": range(15, 22), "fourth": range(22, 29),
    "last": range(22, 32),
}  # fmt: skip
_LAST_DATES = range(28, 32)


@dataclass(frozen=True, slots=True)
class Found:
    """Something to say about the value at a path of the rules file."""

    path: tuple[str | int, ...]
    message: str
    source: str = ""


def errors(rules: Rules) -> Iterator[Found]:
    """Everything that makes the rules unusable. What could not be read is None here, and passed over."""
    yield from _tags(rules)
    yield from _vaults(rules)
    yield from _tier_names(rules)
    yield from _alerts(rules.alerts)
    for name, tier in _known(rules.tiers.items()):
        yield from _customs(name, tier)
    for index, default in _known(enumerate(rules.defaults)):
        yield from _tier_exists(rules, default.tier, ("defaults", index, "tier"))


def warnings(rules: Rules) -> Iterator[Found]:
    """Everything that is valid and probably not meant."""
    for name, tier in rules.tiers.items():
        for check in (_several_days, _too_young, _kept_shorter, _never_fits):
            yield from check(name, tier)
        yield from _too_often(name, tier, rules)
        if not rules.vaults_for(name):
            yield Found(("tiers", name), f"tier {name!r} is served by no vault")
    yield from _never_reached("overrides", rules.overrides)
    yield from _never_reached("defaults", rules.defaults)


def _known(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    return ((place, item) for place, item in items if item is not None)


# -- errors --------------------------------------------------------------------------------------------------------


def _tags(rules: Rules) -> Iterator[Found]:
    usual, names = _tag_names(Rules("observe", (), {})), _tag_names(rules)
    seen: dict[str, str] = {}
    for here in sorted(names, key=lambda place: names[place] != usual[place]):  # the complaint is about what is written
        if (other := seen.setdefault(names[here].casefold(), here)) != here:
            message = f"{here} is {names[here]!r}, which is also {other}; each needs a tag of its own"
            yield Found(tuple(here.split(".")), message)


def _tag_names(rules: Rules) -> dict[str, str]:
    exempt = {"exempt.until_tag": rules.exempt.until_tag, "exempt.reason_tag": rules.exempt.reason_tag}
    return {"tag": rules.tag, "owner_tag": rules.owner_tag, **exempt}


def _vaults(rules: Rules) -> Iterator[Found]:
    seen: dict[str, str] = {}
    for index, vault in _known(enumerate(rules.vaults)):
        here, key = f"vaults[{index}]", "id" if vault.id else "tag"
        who = vault.id.rstrip("/").lower() or str(sorted((n.casefold(), v.casefold()) for n, v in vault.tag.items()))
        if (other := seen.setdefault(who, here)) != here:
            yield Found(("vaults", index, key), f"{here} is the same vault as {other}; name it once with all its tiers")
        for place, tier in _known(enumerate(vault.tiers)):
            yield from _tier_exists(rules, tier, ("vaults", index, "tiers", place))


def _tier_exists(rules: Rules, tier: str, path: tuple[str | int, ...]) -> Iterator[Found]:
    if rules.tiers and tier not in rules.tiers:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        yield Found(path, f"{where} is {tier!r}, which is no tier; {valid(tier, list(rules.tiers))}")


def _tier_names(rules: Rules) -> Iterator[Found]:
    seen: dict[str, str] = {}
    for name in rules.tiers:
        if name.casefold() == rules.exempt.value.casefold():
            yield Found(("tiers", name), f"tier {name!r} has the name of the exemption value")
        if (other := seen.setdefault(name.casefold(), name)) != name:  # on a tag both are one word
            yield Found(("tiers", name), f"tier {name!r} has the name of tier {other!r}")


def _customs(name: str, tier: Tier) -> Iterator[Found]:
    taken = {priority: rule for rule, priority in BUILT_IN.items() if getattr(tier.keep, rule)}
    names = {rule: rule for rule in BUILT_IN}
    for index, custom in enumerate(tier.keep.custom):
        path, where = ("tiers", name, "keep", "custom", index), f"tiers.{name}.keep.custom[{index}]"
        if custom.name.lower() in names:
            yield Found((*path, "name"), f"{where}.name is {custom.name!r}, which is the name of another rule")
        if custom.priority in taken:
            message = f"{where}.priority is {custom.priority}, which is that of {taken[custom.priority]}"
            yield Found((*path, "priority"), message, COMMAND_LINE)
        names[custom.name.lower()] = taken[custom.priority] = custom.name


def _alerts(alerts: Alerts) -> Iterator[Found]:
    """Every channel that is named is there, and has what its kind needs."""
    for name, channel in _known(alerts.channels.items()):
        path, where = ("alerts", "channels", name), f"alerts.channels.{name}"
        if name == TOPIC or name.endswith("-key"):
            yield Found(path, f"{where}: this name is taken by an app setting of ours; choose another")
        if channel.kind == "email" and not (channel.sender and channel.to):
            yield Found(path, f"{where} is an email; it needs sender and to")
        if channel.kind != "email" and (channel.sender or channel.to):
            yield Found(path, f"{where} is a {channel.kind}; only an email has sender and to")
    places: dict[tuple[str | int, ...], tuple[str, ...]] = {("alerts", "fallback"): alerts.fallback}
    for index, route in _known(enumerate(alerts.routes)):
        places["alerts", "routes", index, "channels"] = route.channels
    for place, names in places.items():
        for index, name in _known(enumerate(names)):
            if name != TOPIC and name not in alerts.channels:
                where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in (*place, index))
                known = valid(name, [*alerts.channels, TOPIC])
                yield Found((*place, index), f"{where.removeprefix('.')} is {name!r}, which is no channel; {known}")
    if alerts.quiet and alerts.quiet.begin == alerts.quiet.end:
        yield Found(("alerts", "quiet", "end"), f"alerts.quiet.end is {alerts.quiet.end}, which is also its begin")


# -- warnings ------------------------------------------------------------------------------------------------------


def _several_days(name: str, tier: Tier) -> Iterator[Found]:
    if len(tier.backup.days) > 1:
        message = f"tiers.{name}.backup.days has {len(tier.backup.days)} days; only the first backup of a week succeeds"
        yield Found(("tiers", name, "backup", "days"), message, SUPPORT_MATRIX)


def _too_young(name: str, tier: Tier) -> Iterator[Found]:
    if _days(tier.max_age) <= _INTERVAL_DAYS:
        message = f"tiers.{name}.max_age is {tier.max_age}; a weekly schedule is overdue every week with 7 days or less"
        yield Found(("tiers", name, "max_age"), message, SUPPORT_MATRIX)


def _too_often(name: str, tier: Tier, rules: Rules) -> Iterator[Found]:
    every = tier.on_demand.every
    if every and _days(every) < _INTERVAL_DAYS and rules.on_demand.second_in_week == "skip":
        message = (
            f"tiers.{name}.on_demand.every is {every}; only the first backup of a week succeeds, the app skips others"
        )
        yield Found(("tiers", name, "on_demand", "every"), message, SUPPORT_MATRIX)


def _kept_shorter(name: str, tier: Tier) -> Iterator[Found]:
    """A rule that decides first and keeps shorter: what it takes would otherwise be kept longer."""
    rules: list[tuple[int, str, Span, Custom | None]] = [
        (priority, rule, span, None) for rule, priority in BUILT_IN.items() if (span := getattr(tier.keep, rule))
    ]
    rules += [(custom.priority, custom.name, custom.keep, custom) for custom in tier.keep.custom]
    rules.sort(key=lambda rule: rule[0])
    for place, (_, rule, keep, custom) in enumerate(rules):
        longer = [
            other for other in rules[place + 1 :] if _days(other[2]) > _days(keep) and not _apart(custom, other[3])
        ]
        if longer:
            path = ("custom", tier.keep.custom.index(custom), "keep") if custom else (rule,)
            message = f"{rule} keeps {keep} and decides before {longer[0][1]}, which keeps {longer[0][2]}"
            yield Found(("tiers", name, "keep", *path), f"tiers.{name}.keep: {message}: what fits both is kept shorter")


def _apart(one: Custom | None, other: Custom | None) -> bool:
    """Whether no backup can fit both rules."""
    pairs = [(one.days, other.days), (one.months, other.months), (one.at, other.at)] if one and other else []
    return any(left and right and not set(left) & set(right) for left, right in pairs)


def _never_fits(name: str, tier: Tier) -> Iterator[Found]:
    """A rule of one's own that no backup of the schedule can fit. With a spread, its days and times move along."""
    for index, custom in enumerate(tier.keep.custom):
        path, where = ("tiers", name, "keep", "custom", index), f"tiers.{name}.keep.custom[{index}]"
        if custom.days and not set(custom.days) & set(tier.backup.days):
            said = f"{where}.days is {', '.join(custom.days)}; there are backups on {', '.join(tier.backup.days)} alone"
            yield Found((*path, "days"), said)
        if custom.at and tier.backup.at not in custom.at:
            said = f"{where}.at is {', '.join(map(str, custom.at))}; there are backups at {tier.backup.at} alone"
            yield Found((*path, "at"), said)
        if custom.weeks and custom.dates and not _meet(custom):
            said = (
                f"{where} has dates {', '.join(custom.dates)}, none of which is in the {', '.join(custom.weeks)} week"
            )
            yield Found((*path, "dates"), said)


def _meet(custom: Custom) -> bool:
    dates = {date for text in custom.dates for date in (_LAST_DATES if text == "last" else (int(text),))}
    return any(dates & set(_DATES_OF_WEEK[week]) for week in custom.weeks)


def _never_reached(section: str, rules: Sequence[Override | Default]) -> Iterator[Found]:
    """A rule after one that fits the same servers never decides."""
    seen: dict[str, int] = {}
    for index, rule in enumerate(rules):
        scope = str((sorted(rule.subscriptions), sorted(rule.groups), sorted(rule.tags.items()))).casefold()
        if (first := seen.setdefault(scope, index)) != index:
            yield Found(
                (section, index), f"{section}[{index}] fits the same servers as {section}[{first}], which decides"
            )


def _days(span: Span) -> float:
    """About how many days; years and months compare exactly with each other, as do weeks and days."""
    return span.count * _TYPICAL_DAYS[span.unit]
