"""Which roles do the vaults lack, and what can an owner be given to assign them? `flexguard roles request`."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import read_scope, read_view

if TYPE_CHECKING:
    from cli.role_request import Missing
    from shared.core.rules import Rules
    from shared.plan import View

MOST_SHOWN = 40


@click.group()
def command() -> None:
    """Write down the roles that vaults lack, for whoever may assign them."""


@command.command(
    epilog=examples(
        "flexguard roles request",
        "flexguard roles request --out request",
        "az deployment sub create --location westeurope --template-file request/roles-SUBSCRIPTION-1.json",
        "sh request/roles.sh",
    )
)
@click.option("--server", "servers", multiple=True, metavar="ID", help="Only for this server; may be repeated.")
@click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="Only this one; may be repeated.")
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Write the files to this folder."
)
@with_output
def request(output: Output, servers: tuple[str, ...], subscriptions: tuple[str, ...], out: Path | None) -> int:
    """Write an ARM template and an az script with the roles that are missing, and nothing else.

    For servers that ask for protection and cannot have it because the app may not assign roles: an owner of their
    resource groups deploys the template to the subscription, or runs the script; either is enough, and repeating
    changes nothing. The app goes on with the next thing that happens to a server, or with the next sweep.

    Exit code 1: not all of the estate could be read, so roles may be missing in the request.
    """
    from cli import role_request
    from shared import rules_file

    rules = _asking(rules_file.load(rules_path()))
    ids = frozenset(_server(one) for one in servers)
    if ids and subscriptions:
        raise BadInput("give --server or --subscription, one kind of them")
    places = subscriptions or tuple(sorted({one.split("/")[2] for one in ids}))
    view = read_view(output, connect(), partial(read_scope, places, (), None), [rules], with_roles=True)
    wanted = _missing(view, rules, ids)
    files = {name: role_request.as_json(content) for name, content in role_request.templates(wanted)}
    if wanted:
        files["roles.sh"] = role_request.script(wanted)
    _show(output, wanted)
    if out:
        _write(output, out, files)
    elif wanted:
        output.say("Nothing was written; --out DIR writes the template and the script.", style="dim")
    output.data({"assignments": [asdict(one) for one in wanted], "files": files, "incomplete": view.estate.incomplete})
    return EXIT_FINDINGS if view.estate.incomplete else EXIT_OK


def _asking(rules: "Rules") -> "Rules":
    """The rules as if the app assigned the roles: where the deployment does it, it may have forgotten a server."""
    from shared.core.rules import Roles

    return replace(rules, roles=Roles("server")) if rules.roles.grant == "predeployed" else rules


def _server(text: str) -> str:
    from shared.core import resource_id
    from shared.datasources.postgresql_flexible import DATASOURCE

    parsed = resource_id.parse(text)
    if not parsed or parsed.type != DATASOURCE.key:
        raise BadInput(f"--server {text}: valid is the full id of a server, /subscriptions/…/flexibleServers/NAME")
    return parsed.key


def _missing(view: "View", rules: "Rules", ids: frozenset[str]) -> "tuple[Missing, ...]":
    from cli.role_request import missing
    from shared.core.actions import GrantRole
    from shared.datasources.postgresql_flexible import DATASOURCE

    judged = view.plan(rules).judged
    unknown = ids - {one.id.key for one in judged}
    if unknown:
        raise BadInput(f"no such server: {', '.join(sorted(unknown))}; valid is the id of a server that you may read")
    writes = [write for one in judged if not ids or one.id.key in ids for write in one.foreseen.writes]
    return missing((write for write in writes if isinstance(write, GrantRole)), DATASOURCE.role_names)


def _show(output: Output, wanted: "tuple[Missing, ...]") -> None:
    if not wanted:
        output.say("No role is missing.")
        return
    rows = [[one.called, one.scope.rsplit("/", 1)[-1], one.principal_id] for one in wanted[:MOST_SHOWN]]
    output.table(f"{len(wanted):,} roles are missing", ["role", "on", "vault's identity"], rows)
    if len(wanted) > MOST_SHOWN:
        output.say(f"… and {len(wanted) - MOST_SHOWN:,} more; --json has all.", style="dim")


def _write(output: Output, folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        output.say(f"wrote {folder / name}")
