"""What would happen under these rules? `flexguard rehearse`: the real app, an exported estate, the local Azure."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import plan_price
from cli.connection import rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output

if TYPE_CHECKING:
    from cli.inventory import Inventory, Vault
    from cli.rehearse_outcome import Outcome
    from cli.rehearsed_estate import RehearsedEstate
    from shared.core.price import Prices
    from shared.core.rules import Rules

MOST_WEEKS = 52


@click.command(
    epilog=examples(
        "flexguard rehearse --estate estate.json",
        "flexguard rehearse --estate estate.json --rules new.yaml --protect --approve --weeks 4",
        "flexguard rehearse --estate estate.json --faults throttle=0.05,fail_backup=0.02",
    )
)
@click.option(
    "--estate", metavar="FILE", type=click.Path(path_type=Path), help="What `flexguard export` wrote. Required."
)
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file to rehearse.")
@click.option(
    "--weeks",
    default=2.0,
    show_default=True,
    metavar="N",
    type=click.FloatRange(0, MOST_WEEKS, min_open=True),
    help="How long, up to 52; 0.5 will do.",
)
@click.option("--protect", is_flag=True, help="As if the rules file said mode: protect; its overrides stay.")
@click.option("--approve", is_flag=True, help="As if somebody approved whatever the brake stops.")
@click.option(
    "--vault", "vaults", multiple=True, metavar="ID=REGION", help="As if this vault were there; may be repeated."
)
@click.option(
    "--faults", "faults", multiple=True, metavar="NAME[=RATE],…", help="What goes wrong: once, or at a rate, 0 to 1."
)
@click.option("--list-faults", is_flag=True, help="Say what can go wrong, by name, and do nothing else.")
@click.option("--seed", default=1, show_default=True, help="Another number, other luck; the same, the same.")
@click.option(
    "--prices", metavar="FILE", type=click.Path(path_type=Path), help="The price file; without it, prices.yaml."
)
@with_output
def command(
    output: Output,
    estate: Path | None,
    rules: Path | None,
    weeks: float,
    vaults: tuple[str, ...],
    faults: tuple[str, ...],
    seed: int,
    prices: Path | None,
    *,
    protect: bool,
    approve: bool,
    list_faults: bool,
) -> int:
    """Play weeks of an exported estate on the local Azure, and show what would happen.

    The app is the real one, deployed at the moment of the export and with an empty ledger; Azure, time and chance are
    played on this machine, and not one call leaves it. Shown are verdicts before and after, how long servers wait,
    backups by day and their peaks, messages to people, what stays blocked and why, and the price.

    Nobody makes, tags or deletes servers meanwhile. Exit code 1: somebody would have something to do at the end, a
    message would have been sent, or something could not be rehearsed.
    """
    _require_simulator()
    from cli import rehearse_faults
    from cli.rehearse_screen import show

    if list_faults:
        rehearse_faults.show(output)
        return EXIT_OK
    if estate is None:
        raise BadInput("which estate? give --estate FILE, a file that `flexguard export --to FILE` wrote")
    wanted, known_prices = rehearse_faults.parse(faults), plan_price.read(prices)
    inventory, read = _read(output, estate, rules or rules_path(), vaults)
    read = replace(read, mode="protect") if protect else read
    if read.mode == "observe":
        output.warn("the rules say mode: observe, so the app only looks; --protect rehearses mode: protect")
    with _silence():
        played = _deployed(inventory, read, seed, known_prices, approve=approve)
        result = _play(output, played, wanted, weeks)
    output.data(result)
    show(output, result, known_prices)
    return EXIT_OK if result.is_fine and not inventory.incomplete else EXIT_FINDINGS


def _require_simulator() -> None:
    """Raise BadInput where the local Azure is not installed."""
    lacking = [name for name in ("azure.storage.queue", "duckdb", "duckdb_kql", "simulator") if not _is_there(name)]
    if lacking:
        needed = "it comes with a checkout (make demo), or with pipx install '.[cli,local]'"
        raise BadInput(f"a rehearsal needs the local Azure, and {', '.join(lacking)} is not installed: {needed}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False


def _read(output: Output, estate: Path, rules_file_path: Path, vaults: tuple[str, ...]) -> "tuple[Inventory, Rules]":
    """The estate and the rules, and a warning for whatever in the one does not fit the other."""
    from msgspec.structs import replace as changed

    from cli import inventory as inventories
    from cli.take_inventory import tag_names
    from shared import rules_file
    from shared.core.matching import fold

    read, inventory = rules_file.load(rules_file_path), inventories.read(estate)
    inventory = changed(inventory, vaults=(*inventory.vaults, *map(_vault, vaults)))
    there, kept = {vault.id.lower() for vault in inventory.vaults}, set(map(fold, inventory.tags))
    for what in inventory.incomplete:
        output.warn(f"the export is incomplete: {what}")
    if inventory.roles is None:
        output.warn("the export has no roles, so the vaults begin without any")
    for rule in read.vaults:
        if rule.id and rule.id.lower() not in there:
            output.warn(f"the rules name a vault that the export does not have; --vault {rule.id}=REGION adds it")
    if lacking := [name for name in tag_names(read) if fold(name) not in kept]:
        again = " ".join(f"--tag {name}" for name in lacking)
        output.warn(f"the rules look at tags that the export does not have; export again with {again}")
    return inventory, read


def _vault(text: str) -> "Vault":
    """A vault that is to be there. Raises BadInput."""
    from cli.inventory import VAULT, Vault
    from shared.core import resource_id

    vault_id, _, region = text.partition("=")
    parsed = resource_id.parse(vault_id.strip())
    if not parsed or parsed.type != VAULT or not region.strip().isalnum():
        raise BadInput(f"--vault {text}: valid is ID=REGION, /subscriptions/…/backupVaults/NAME=westeurope")
    return Vault(id=parsed.text, region=region.strip().lower(), principal_id=f"of {parsed.key}")


def _deployed(
    inventory: "Inventory", rules: "Rules", seed: int, prices: "Prices | None", *, approve: bool
) -> "RehearsedEstate":
    from cli.rehearsed_estate import RehearsedEstate

    return RehearsedEstate(
        rules="", regions=(), seed=seed, prices=prices, inventory=inventory, read_rules=rules, approves=approve
    )


def _play(output: Output, played: "RehearsedEstate", faults: dict[str, float], weeks: float) -> "Outcome":
    """Let the weeks pass, with what goes wrong in them."""
    from cli import rehearse_faults
    from cli.rehearse_outcome import outcome
    from cli.rehearsed_estate import STEP

    before, lasts = played.view(), timedelta(weeks=weeks)
    rehearse_faults.let_happen(played.azure.world.faults, faults, played.seed)
    with output.progress(f"Rehearsing {weeks:g} weeks", -(-lasts // STEP)) as advance:
        played.play(played.inventory.at + lasts, advance)
    played.azure.world.faults.waiting.clear()  # whoever looks at the end sees what is
    return outcome(played, before, played.prices)


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing is logged meanwhile, and the app's triggers forget the rehearsal afterwards."""
    from functions import wiring

    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
        wiring.use(None)
