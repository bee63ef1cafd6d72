"""What would a plan cost? The price part of `flexguard plan`: an estimate by a price file, today and in the end."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import WIDTH, Output

if TYPE_CHECKING:
    from shared.core.cost import Cost
    from shared.core.price import Price, Prices
    from shared.plan import EstatePlan

USUAL = Path("prices.yaml")


def read(path: Path | None) -> "Prices | None":
    """The price file that is meant; None when none is named and the usual one is not there. Raises BadPrices."""
    from shared import prices_file

    if path is None and not USUAL.exists():
        return None
    return prices_file.load(path or USUAL)


def costs(plan: "EstatePlan", prices: "Prices | None") -> "dict[str, Cost]":
    """What each server costs, by its lower-case id; nothing without prices."""
    from shared.core.cost import cost

    return {one.id.key: cost(one, plan.estate, prices) for one in plan.judged} if prices else {}


def changed_rules(before: "Mapping[str, Cost]", after: "Mapping[str, Cost]") -> "dict[str, Cost]":
    """What another rules file changes: how it ends under the one, and how under the other."""
    from shared.core.cost import Cost

    return {key: Cost(before[key].then, one.then) for key, one in after.items()}


def as_data(plan: "EstatePlan", found: "Mapping[str, Cost]", prices: "Prices | None") -> dict[str, Any] | None:
    """The totals for --json; None without prices."""
    from shared.core.cost import by_tier

    if prices is None:
        return None
    return {
        "is_estimate": True,
        "currency": prices.currency,
        "date": prices.date,
        "source": prices.source,
        "tiers": by_tier((one.tier_name, found[one.id.key]) for one in plan.judged),
        "change": _whole(found),
    }


def of_server(cost: "Cost | None") -> dict[str, Any] | None:
    """One server's estimate for --json."""
    return {"now": _amounts(cost.now), "then": _amounts(cost.then)} if cost else None


def _amounts(price: "Price") -> dict[str, Any]:
    known = not price.gap
    return {
        "monthly": round(price.monthly, 2) if known else None,
        "first_year": round(price.first_year, 2) if known else None,
        "gap": price.gap,
    }


def _whole(found: "Mapping[str, Cost]") -> Any:
    from shared.core.price import NOTHING, total

    return total(one.change for one in found.values() if one.change != NOTHING)


def show(output: Output, plan: "EstatePlan", found: "Mapping[str, Cost]", prices: "Prices | None") -> None:
    """The totals per tier, and what the plan changes, as the estimate that it is."""
    from shared.core.cost import by_tier
    from shared.core.price import sentences

    if prices is None:
        output.say(f"\nNo price: there is no {USUAL} here; --prices names another.", style="dim")
        return
    tiers = by_tier((one.tier_name, found[one.id.key]) for one in plan.judged)
    if not tiers:
        return
    output.say()
    output.table(
        f"Price, an estimate in {prices.currency}",
        ["tier", "servers now", "a month now", "servers then", "a month then", "first year, change", "no price"],
        (
            [
                one.tier or "none", one.now.servers, float(one.now.monthly), one.then.servers, float(one.then.monthly),
                float(one.change.first_year), one.change.unpriced,
            ]
            for one in tiers
        ),
    )  # fmt: skip
    output.say()
    first, *others = sentences(_whole(found), prices)
    for sentence in (f"The change: {first}", *others):
        output.say("\n".join(textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")))
