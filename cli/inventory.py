"""What stands in the file of `flexguard export`: the estate as a rehearsal needs it. Its schema, written and read.

It holds no secret: of tags only what rules look at, of errors only their codes, of identities only their ids.
"""

import json
import re
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from cli.output import BadInput
from shared.core import resource_id

VERSION = 1
_HINT = "`flexguard export --to estate.json` writes such a file"
_SAID = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<where>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`")
SERVER = "microsoft.dbforpostgresql/flexibleservers"
VAULT = "microsoft.dataprotection/backupvaults"


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A database server. storage_gb: 0 if Azure does not say. tags: those of `Inventory.tags` that it carries."""

    id: str
    region: str
    state: str = "Ready"
    replication_role: str = ""
    is_cluster: bool = False
    storage_gb: int = 0
    tags: dict[str, str] = {}


class Vault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Backup vault. principal_id: of its identity, "" if it has none. admitted: by the deployment's settings."""

    id: str
    region: str
    state: str = "Succeeded"
    redundancy: str = "LocallyRedundant"
    principal_id: str = ""
    admitted: bool = False
    guarded: bool = False
    tags: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup policy; its properties are what Azure has."""

    id: str
    properties: dict[str, Any]


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backup instance. error: the code that it shows. latest_point: its newest recovery point."""

    id: str
    server: str
    policy: str
    state: str
    error: str = ""
    latest_point: datetime | None = None
    tags: dict[str, str] = {}


class Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the identity of a vault has a role: ids of scopes."""

    principal_id: str
    role: str
    scopes: tuple[str, ...]


class Inventory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An estate at one moment. Lists are in the order of ids, so that two exports can be compared line by line.

    scope: what was asked for, in words. tags: names of the tags that were kept, all others were dropped.
    subscriptions: names by id. roles: None when they could not be read. incomplete: what could not be read, in words.
    """

    kind: Literal["flexguard inventory"] = "flexguard inventory"
    version: int = VERSION
    at: datetime
    scope: str
    tags: tuple[str, ...]
    incomplete: tuple[str, ...] = ()
    subscriptions: dict[str, str]
    servers: tuple[Server, ...]
    vaults: tuple[Vault, ...] = ()
    policies: tuple[Policy, ...] = ()
    instances: tuple[Instance, ...] = ()
    roles: tuple[Role, ...] | None = None


def write(inventory: Inventory) -> str:
    """The text of a file: JSON that people can read, the same for the same estate."""
    return msgspec.json.format(msgspec.json.encode(inventory, order="deterministic"), indent=1).decode() + "\n"


def read(path: Path) -> Inventory:
    """The estate in a file. Raises BadInput with the file, the member, what stands there and what is valid."""
    body = _json(path)
    if not isinstance(body, dict) or body.get("kind") != "flexguard inventory":
        raise BadInput(f"{path} is no inventory: it has no member kind 'flexguard inventory'; {_HINT}")
    if body.get("version") != VERSION:
        known = f"this Flexguard reads version {VERSION}; export again with it"
        raise BadInput(f"{path}: version is {body.get('version')!r}; {known}")
    try:
        inventory = msgspec.convert(body, Inventory)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {_explained(str(error), body)}") from None
    _check(path, inventory)
    return inventory


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; {_HINT}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text; {_HINT}") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}:{error.colno}: is not JSON: {error.msg}; {_HINT}") from None
    except RecursionError:
        raise BadInput(f"{path} is not an inventory: it is nested too deeply; {_HINT}") from None


def _explained(said: str, body: Any) -> str:
    """A sentence of msgspec with the place as it is written in the file, the value, and the nearest valid name."""
    match = _SAID.fullmatch(said)
    what, where = (match["what"], match["where"] or "") if match else (said, "")
    if unknown := _UNKNOWN.fullmatch(what):
        names = _members(where)
        near = get_close_matches(unknown["name"], names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{where or 'the file'} has a member {unknown['name']!r}; valid are {', '.join(names)}{hint}"
    value = _value(body, where)
    shown = f" is {value!r:.80}" if where and not isinstance(value, dict | list) else ""
    return f"{where or 'the file'}{shown}; {what[0].lower()}{what[1:]}"


def _members(where: str) -> tuple[str, ...]:
    """The names that are valid at a place such as servers[3]."""
    kinds = {"servers": Server, "vaults": Vault, "policies": Policy, "instances": Instance, "roles": Role}
    return kinds.get(where.partition("[")[0], Inventory).__struct_fields__


def _value(body: Any, where: str) -> Any:
    """What stands at a place; None where nothing does."""
    for part in re.findall(r"[^.\[\]]+", where):
        try:
            body = body[int(part) if isinstance(body, list) else part]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return body


def _check(path: Path, inventory: Inventory) -> None:
    """Every id is one, of its kind. Raises BadInput."""
    kinds = {"servers": SERVER, "vaults": VAULT, "policies": f"{VAULT}/backuppolicies",
             "instances": f"{VAULT}/backupinstances"}  # fmt: skip
    found = [
        (f"{name}[{index}].id", one.id, kind)
        for name, kind in kinds.items()
        for index, one in enumerate(getattr(inventory, name))
    ]
    found += [(f"instances[{index}].server", one.server, SERVER) for index, one in enumerate(inventory.instances)]
    for where, text, kind in found:
        parsed = resource_id.parse(text)
        if not parsed or parsed.type != kind:
            raise BadInput(f"{path}: {where} is {text!r}; valid is the id of a resource of type {kind}")
    for subscription in inventory.subscriptions:
        if not resource_id.is_guid(subscription):
            raise BadInput(f"{path}: subscriptions has {subscription!r}; valid is the id of a subscription")
