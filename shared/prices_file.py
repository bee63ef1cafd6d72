"""Reads the price file as strictly as the rules file: all that is wrong at once, with line, column and what is valid.

The model is in `shared/core/price.py`; this file adds no price and no rule of its own.
"""

from pathlib import Path

from shared.core.price import DumpSize, Prices
from shared.rules_file import BadRules
from shared.rules_reader import Problem, Reader, compose, text_of

ONE_OF: dict[type, tuple[str, ...]] = {DumpSize: ("assumed_share_of_storage", "assumed_gb")}


class BadPrices(BadRules):
    """The price file cannot be used; it is said as of a rules file, and the command line exits with 2."""


def load(path: Path) -> Prices:
    """Read the price file. Raises BadPrices with every problem at once, also when the file is not there."""
    text = text_of(path)
    if isinstance(text, Problem):
        raise BadPrices(path.name, [text])
    return parse(text, path.name)


def parse(text: str, file: str = "prices.yaml") -> Prices:
    """Read prices from text; `file` is the name that messages show. Raises BadPrices."""
    root = compose(text, "date, currency, source, dump_gb and regions")
    if isinstance(root, Problem):
        raise BadPrices(file, [root])
    reader = Reader(ONE_OF)
    parts = reader.parts(root, Prices, "")
    if reader.problems:
        raise BadPrices(file, reader.problems)
    return Prices(**parts)
