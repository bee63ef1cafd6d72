"""Who may call an HTTP endpoint of the host: function keys, the host key, the master key, system keys.

**Source**: Microsoft, "Work with access keys in Azure Functions": which key opens what; `x-functions-key` or `code`.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MASTER, DEFAULT, EVENT_GRID_KEY = "_master", "default", "eventgrid_extension"


def _new() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """The keys of one host, made anew at every start.

    master: opens everything. host: every function. system: of extensions, by name. functions: by name.
    """

    master: str = field(default_factory=_new)
    host: str = field(default_factory=_new)
    system: Mapping[str, str] = field(default_factory=lambda: {EVENT_GRID_KEY: _new()})
    functions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def made_for(cls, functions: Iterable[str]) -> "Keys":
        return cls(functions={name: _new() for name in functions})

    def open_function(self, name: str, auth: str, shown: str) -> bool:
        """Whether a key opens a function of this authorization level (anonymous, function, admin)."""
        if auth == "anonymous":
            return True
        good = [self.master] if auth == "admin" else [self.master, self.host, self.functions.get(name, "")]
        return _one_of(shown, good)

    def open_webhook(self, extension: str, shown: str) -> bool:
        """Whether a key opens the webhook of an extension."""
        return _one_of(shown, [self.master, self.system.get(extension, "")])

    def open_admin(self, shown: str) -> bool:
        return _one_of(shown, [self.master])

    def as_json(self) -> dict[str, object]:
        """The keys by the names that Azure gives them."""
        return {MASTER: self.master, DEFAULT: self.host, "system": dict(self.system), "functions": dict(self.functions)}


def shown_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The key that a request shows: in its header, or in its address."""
    return headers.get("x-functions-key", "") or query.get("code", "")


def _one_of(shown: str, good: Iterable[str]) -> bool:
    return any(key and secrets.compare_digest(shown.encode(), key.encode()) for key in good)
