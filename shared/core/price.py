"""What does protection cost? An estimate: a fee for each server, and every recovery point that is kept, by its size.

Pure, and without any number of its own: fees, rates and the assumed size of a dump come from the price file. Where
that has no price there is none, and totals say how many servers they leave out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Annotated

from shared.core.limits import Limit, spelled
from shared.core.meaning import Meaning
from shared.core.retention import planned, steady_state, timeline

MONTHS = 12
_BEGIN, _YEAR_LATER = datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)  # any year would do

Share = Annotated[float, Limit("more than 0 and at most 1", lambda share: 0 < share <= 1)]
Region = Annotated[str, spelled("[a-z][a-z0-9]*", "the short name of a region, such as westeurope")]
Redundancy = Annotated[
    str,
    spelled("LocallyRedundant|ZoneRedundant|GeoRedundant", "LocallyRedundant, ZoneRedundant or GeoRedundant"),
]


@dataclass(frozen=True, slots=True)
class RegionPrices:
    """What one region takes a month.

    instance_month: for each protected server. Assumed: it does not depend on the server's size.
    gb_month: for each GB that is kept, by the redundancy of the vault.
    """

    instance_month: float
    gb_month: dict[Redundancy, float]


@dataclass(frozen=True, slots=True)
class DumpSize:
    """How large one recovery point is taken to be. Assumed: each is a full dump; Azure tells no size beforehand.

    assumed_share_of_storage: by the server's provisioned storage. assumed_gb: the same for every server.
    """

    assumed_share_of_storage: Share | None = None
    assumed_gb: float | None = None

    def gb(self, storage_gb: int) -> float | None:
        """The size for a server; None when its storage is not known (0) and would be needed."""
        if self.assumed_share_of_storage is None:
            return self.assumed_gb
        return storage_gb * self.assumed_share_of_storage or None


@dataclass(frozen=True, slots=True)
class Prices:
    """The price file: what costs how much, in one currency, as of a date, and who says so."""

    date: date
    currency: str
    source: str
    dump_gb: DumpSize
    regions: dict[Region, RegionPrices]


@dataclass(frozen=True, slots=True)
class Price:
    """An estimate for one server. monthly: once as many points expire as are made. first_year: twelve months in all.

    gap: why there is no estimate; "" when there is one.
    """

    monthly: float = 0.0
    first_year: float = 0.0
    gap: str = ""


NOTHING = Price()


@dataclass(frozen=True, slots=True)
class Total:
    """Estimates added up. servers: how many. gaps: why others are left out, and how many for each reason."""

    servers: int
    monthly: float
    first_year: float
    gaps: tuple[tuple[str, int], ...] = ()

    @property
    def unpriced(self) -> int:
        return sum(count for _, count in self.gaps)


def estimate(meaning: Meaning, region: str, redundancy: str, storage_gb: int, prices: Prices) -> Price:
    """What it costs to protect one server by a policy: a fee, and points kept times dump size times rate.

    region: the vault's, which is the server's. storage_gb: provisioned, 0 if unknown. On-demand points are left out.
    """
    there = prices.regions.get(region)
    if there is None:
        return Price(gap=f"no price for region {region or 'unknown'}")
    rate = there.gb_month.get(redundancy)
    if rate is None:
        return Price(gap=f"no price for {redundancy or 'unknown redundancy'} in region {region}")
    dump_gb = prices.dump_gb.gb(storage_gb)
    if dump_gb is None:
        return Price(gap="the size of its storage is not known")
    steady, first_year = _points_kept(meaning)
    return Price(
        monthly=there.instance_month + steady * dump_gb * rate,
        first_year=(there.instance_month + first_year * dump_gb * rate) * MONTHS,
    )


def difference(then: Price, now: Price) -> Price:
    """What a change adds, or saves when it is negative; a gap where either has no price."""
    return Price(now.monthly - then.monthly, now.first_year - then.first_year, gap=now.gap or then.gap)


def total(prices: Iterable[Price]) -> Total:
    """All estimates added up, and what is missing in the sum."""
    every = list(prices)
    priced = [price for price in every if not price.gap]
    return Total(
        servers=len(priced),
        monthly=sum(price.monthly for price in priced),
        first_year=sum(price.first_year for price in priced),
        gaps=tuple(sorted(Counter(price.gap for price in every if price.gap).items())),
    )


def money(amount: float, currency: str) -> str:
    """An amount for people, such as 1,234.50 EUR."""
    return f"{round(amount, 2) + 0:,.2f} {currency}"  # + 0: never -0.00


def sentences(whole: Total, prices: Prices) -> tuple[str, ...]:
    """A total for people: both amounts as the estimate that they are, what is left out, and whose prices these are."""
    monthly, first_year = (money(amount, prices.currency) for amount in (whole.monthly, whole.first_year))
    left_out = ", ".join(f"{reason} ({count:,})" for reason, count in whole.gaps)
    return (
        f"estimate for {_servers(whole.servers)}: {monthly} a month at steady state, {first_year} in the first year",
        *([f"not in it: {_servers(whole.unpriced)}: {left_out}"] if left_out else ()),
        f"prices of {prices.date}: {prices.source}; {_assumption(prices.dump_gb)}",
    )


def _servers(count: int) -> str:
    return f"{count:,} server{'' if count == 1 else 's'}"


def _assumption(size: DumpSize) -> str:
    if size.assumed_share_of_storage is None:
        return f"a dump is assumed to have {size.assumed_gb:g} GB"
    return f"a dump is assumed to have {size.assumed_share_of_storage:.0%} of the provisioned storage"


@lru_cache(maxsize=256)
def _points_kept(meaning: Meaning) -> tuple[float, float]:
    """How many points there are on average: once full, and during the first year, which begins with none."""
    counts = [(_BEGIN, 0), *timeline(planned(meaning, _BEGIN, _YEAR_LATER)), (_YEAR_LATER, 0)]
    within = [(min(moment, _YEAR_LATER), count) for moment, count in counts]
    seconds = sum((later - earlier).total_seconds() * count for (earlier, count), (later, _) in pairwise(within))
    return steady_state(meaning, _BEGIN).total.mean, seconds / (_YEAR_LATER - _BEGIN).total_seconds()
