"""Prints docs/command-line.md: the help of every command, and what all of them share.

`python -m cli.reference > docs/command-line.md`; a test holds both equal, so the page says what the program says.
"""

import sys
from collections.abc import Iterator

import click

from cli.__main__ import flexguard

WIDTH = 100
INTRODUCTION = """\
# The command line

<!-- Made by: python -m cli.reference > docs/command-line.md -->

`make demo` or `make test` sets up `.venv/bin/flexguard`; `pipx install '.[cli]'` puts `flexguard` on the path of a
machine that has internet. It reads the rules file and Azure, and writes nothing to Azure: `approve` leaves a row in the
app's ledger, `backup` a message in its queue, and the app acts on it.

**Sign-in.** `az login`, or whatever else
[DefaultAzureCredential](https://learn.microsoft.com/python/api/overview/azure/identity-readme) finds. Reader on the
subscriptions is enough; what the app remembers needs Storage Table Data Reader on its storage account (`approve`:
Storage Table Data Contributor; `backup`: Storage Queue Data Message Sender too).

**Settings** are the app's own environment variables, none of them needed by every command:

| variable | what for |
|---|---|
| `FLEXGUARD_RULES` | the rules file when none is named; `rules.yaml` without it |
| `FLEXGUARD_SUBSCRIPTIONS` | the subscriptions that are read when no other scope is named |
| `AzureWebJobsStorage__tableServiceUri` | the app's table endpoint: what it remembers of a server, and approvals |
| `AzureWebJobsStorage__queueServiceUri` | the app's queue endpoint: `backup` asks there |
| `FLEXGUARD_VAULT_IDENTITIES` | the vault identities that the deployment admits, where rules find vaults by tag |
| `AZURE_CLIENT_ID` | a user-assigned identity to sign in with |
| `FLEXGUARD_ARM_ENDPOINT`, `FLEXGUARD_ARM_SCOPE`, `FLEXGUARD_STORAGE_SCOPE` | a sovereign cloud, or the local Azure |

**The local Azure.** While `make demo KEEP=1` runs, the same commands work on it, in another terminal:

```sh
set -a; . .flexguard/demo/cli.env; set +a
.venv/bin/flexguard rules check .flexguard/demo/rules.yaml --against live
```

**Answers** go to standard output, everything else to standard error. `--json` prints one JSON document. Tables are at
most 100 columns wide; colours and progress bars are for terminals (`NO_COLOR=1` turns colours off).

| exit code | means |
|---|---|
| 0 | ok |
| 1 | there are findings: somebody should look |
| 2 | bad input: the command, the rules file, a setting; the message says what is valid |
| 3 | Azure refused, or cannot be reached; the message has Azure's own words |
| 70 | a mistake in Flexguard; the message says what to report, `FLEXGUARD_DEBUG=1` shows the traceback |
| 130, 141 | Ctrl-C; a pipe that was closed |

**Completion** of commands and options; put the line into the file that your shell starts with:

```sh
eval "$(_FLEXGUARD_COMPLETE=bash_source flexguard)"    # ~/.bashrc (bash 4.4 or newer)
eval "$(_FLEXGUARD_COMPLETE=zsh_source flexguard)"     # ~/.zshrc
_FLEXGUARD_COMPLETE=fish_source flexguard | source     # ~/.config/fish/completions/flexguard.fish
```
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and group with its words, such as "rules check", in alphabetical order."""
    yield from _below(flexguard, click.Context(flexguard, info_name="flexguard"), ())


def _below(group: click.Group, context: click.Context, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from _below(command, context, (*path, name))


def page() -> str:
    """The whole page."""
    sections = [_section("", flexguard), *(_section(name, command) for name, command in commands())]
    return INTRODUCTION + "".join(sections)


def _section(name: str, command: click.Command) -> str:
    words = f"flexguard {name}".strip()
    context = click.Context(command, info_name=words, terminal_width=WIDTH, max_content_width=WIDTH)
    return f"\n## {words}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(page())
