"""Which name of ours stands for which recorded one? Ids that a service makes up, and the URLs of its operations.

It learns from pairs of answers, and writes recorded requests so that the simulator understands them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

GUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
MADE_UP = re.compile(rf"{GUID}|(?<![\w-])[0-9a-f]{{32}}(?![\w-])|[A-Za-z0-9+/]{{60,}}={{0,2}}")


class Names:
    """Recorded names and ours. What a caller chose himself is the same on both sides and stays."""

    def __init__(self, chosen: set[str]) -> None:
        self._chosen = {name.lower() for name in chosen}
        self._ours: dict[str, str] = {}
        self._urls: dict[str, str] = {}

    def learn(self, recorded: str, ours: str) -> None:
        """Take over the made-up parts of a pair of texts, as far as they are new."""
        theirs, mine = MADE_UP.findall(recorded), MADE_UP.findall(ours)
        if len(theirs) != len(mine):
            return
        for one, other in zip(theirs, mine, strict=True):
            if one.lower() != other.lower() and one.lower() not in self._chosen:
                self._ours.setdefault(one.lower(), other)

    def learn_body(self, recorded: Any, ours: Any) -> None:
        """The same for two bodies, member by member."""
        if isinstance(recorded, str) and isinstance(ours, str):
            self.learn(recorded, ours)
        elif isinstance(recorded, dict) and isinstance(ours, dict):
            for name in recorded.keys() & ours.keys():
                self.learn_body(recorded[name], ours[name])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in _pairs(recorded, ours):
                self.learn_body(one, other)

    def learn_url(self, recorded: str, ours: str) -> None:
        """Remember where an operation of ours is asked for."""
        self._urls[_path(recorded)] = ours

    def is_known(self, url: str) -> bool:
        """Whether this is the URL of an operation whose beginning was replayed."""
        return _path(url) in self._urls

    def knows(self, text: str) -> bool:
        """Whether all made-up parts of a text have been learnt."""
        return all(part.lower() in self._ours for part in MADE_UP.findall(text))

    def url(self, recorded: str) -> str:
        """The URL to ask: the simulator's own where it gave one, else the recorded one with our names."""
        return self._urls.get(_path(recorded)) or self.text(recorded)

    def text(self, recorded: str) -> str:
        """A text with our names in it."""
        return MADE_UP.sub(lambda found: self._ours.get(found[0].lower(), found[0]), recorded)

    def body(self, recorded: Any) -> Any:
        """A body with our names in it."""
        return None if recorded is None else json.loads(self.text(json.dumps(recorded)))


def _pairs(recorded: list[Any], ours: list[Any]) -> Iterable[tuple[Any, Any]]:
    """Elements of one name; in lists that share no name, those of one place."""
    named = {one["name"]: one for one in recorded if isinstance(one, dict) and "name" in one}
    shared = [(named[other["name"]], other) for other in ours if isinstance(other, dict) and other.get("name") in named]
    return shared or zip(recorded, ours, strict=False)


def _path(url: str) -> str:
    """Path and api-version: a recorder that masks ids leaves no more to tell two operations apart."""
    version = re.search(r"api-version=[\w-]+", url)
    return f"{unquote(urlsplit(url).path).lower()}?{version[0] if version else ''}"
