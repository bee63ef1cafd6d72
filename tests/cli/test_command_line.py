"""What every command shares: exit codes, no traceback, help, pipes, and a start that loads nothing heavy."""

import contextlib
import os
import pty
import re
import shlex
import signal
import subprocess
import sys

import click
import pytest

from cli import connection
from cli.__main__ import COMMANDS, main
from cli.__main__ import flexguard as group
from cli.connection import Connection
from cli.output import BadInput, Output, examples
from cli.reference import commands
from shared.cloud.errors import CloudError
from shared.rules_file import BadRules, Problem
from shared.settings import BadSettings
from tests.tidy.tree import ROOT, files

HEAVY = (
    "azure",
    "rich.table",
    "rich.progress",
    "yaml",
    "msgspec",
    "requests",
    "duckdb",
    "matplotlib",
    "simulator",
    "cli.demo",
)
LEAVES = {
    name: command
    for name, command in commands()
    if not isinstance(command, click.Group) or command.invoke_without_command
}


def raising(error):
    """A command that fails in this way, in place of `rules`."""

    def fail():
        raise error

    return click.Command("rules", callback=fail)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BadInput("name a server"), 2, "name a server"),
        (BadSettings("FLEXGUARD_ARM_ENDPOINT is 'x'"), 2, "FLEXGUARD_ARM_ENDPOINT"),
        (BadRules("rules.yaml", [Problem(3, 7, "mode is 'protct'")]), 2, "rules.yaml:3:7: mode is 'protct'"),
        (CloudError("AuthorizationFailed", "no right to read", status=403), 3, "AuthorizationFailed: no right"),
        (CloudError("ClientAuthenticationError", "first\nsecond\nthird"), 3, "az login"),
        (click.UsageError("two scopes"), 2, "two scopes"),
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "Permission denied", "rules.yaml"), 2, "Permission denied: 'rules.yaml'"),
        (KeyError("nobody thought of it"), 70, "FLEXGUARD_DEBUG=1"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_has_its_exit_code(flexguard, monkeypatch, error, code, said):
    """Whatever a command raises, the person sees a sentence and never a traceback, and standard output stays empty."""
    monkeypatch.setitem(sys.modules, "cli.rules", type(sys)("cli.rules"))
    monkeypatch.setattr(sys.modules["cli.rules"], "command", raising(error), raising=False)
    ran = flexguard("rules")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert "second" not in ran.err


def test_debugging_shows_where_a_mistake_is(monkeypatch):
    """With FLEXGUARD_DEBUG=1 an unforeseen error comes out whole."""
    monkeypatch.setenv("FLEXGUARD_DEBUG", "1")
    monkeypatch.setitem(sys.modules, "cli.rules", type(sys)("cli.rules"))
    monkeypatch.setattr(sys.modules["cli.rules"], "command", raising(KeyError("deep")), raising=False)
    with pytest.raises(KeyError, match="deep"):
        main(["rules"])


def test_an_exit_code_of_a_command_is_that_of_the_program(flexguard, monkeypatch):
    """What a command answers is the exit code, and nothing means 0."""
    monkeypatch.setitem(sys.modules, "cli.rules", type(sys)("cli.rules"))
    for answer, code in ((1, 1), (None, 0)):
        command = click.Command("rules", callback=lambda answer=answer: answer)
        monkeypatch.setattr(sys.modules["cli.rules"], "command", command, raising=False)
        assert flexguard("rules").code == code


@pytest.mark.parametrize("arguments", [["nix"], ["rules", "--nix"], ["rules", "chek"]], ids=" ".join)
def test_what_cannot_be_parsed_is_bad_input(flexguard, arguments):
    """An unknown command or option ends with 2 and a line of usage."""
    ran = flexguard(*arguments)
    assert ran.code == 2
    assert "Usage: flexguard" in ran.err


def test_a_pipe_that_closes_is_no_error():
    """`flexguard … | head -1` ends quietly."""
    program = "import sys; from cli.__main__ import main; sys.exit(main(['rules', '--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_terminal_without_unicode_gets_the_answer():
    """What an encoding has no character for becomes a question mark, and no error."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}  # noqa: TID251 - the program inherits it
    done = subprocess.run(
        [sys.executable, "-m", "cli", "rules", "check", "host.json"], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "")
    assert "?" in done.stdout


def test_help_loads_nothing_heavy():
    """`flexguard --help` is there at once: no SDK, no parser, no table is imported for it."""
    program = "import sys; from cli.__main__ import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stderr.replace("'", "").strip("[]\n").split(", ")
    assert "cli.connection" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


def test_the_list_of_commands_says_what_each_says_itself():
    """The line of a command in `flexguard --help` is the first sentence of its own help."""
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert str(command.help).split("\n\n")[0].replace("\n", " ") == COMMANDS[name]


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_help_json_and_an_example(name):
    """Every command says what it does and what its options mean, prints JSON, and shows a call that can be copied."""
    command = LEAVES[name]
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert "--json" in {word for option in options for word in option.opts}
    assert f"  flexguard {name}" in str(command.epilog)


@pytest.mark.parametrize("name", LEAVES)
def test_every_example_parses(name):
    """The examples in the help of a command are calls that it understands."""
    lines = [line.strip() for line in str(LEAVES[name].epilog).splitlines() if line.strip().startswith("flexguard ")]
    assert lines
    for line in lines:
        parse(line)


def parse(line):
    """Understand a command line without carrying it out. Raises click.UsageError."""
    command, context = group, None
    words = shlex.split(line.split(" > ")[0].split(" | ")[0], comments=True)[1:]
    while True:
        context = command.make_context(command.name, list(words), parent=context)
        if not isinstance(command, click.Group) or not (context._protected_args or context.args):
            return
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, name


def documented():
    """Every `flexguard …` of the documentation: (page, line)."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *files("docs", ending=".md")):
        text = page.read_text(encoding="utf-8")
        fenced = re.findall(r"^\s*(?:\$ )?(?:\.venv/bin/)?(flexguard [a-z].*)$", text, re.MULTILINE)
        inline = re.findall(r"`(?:\.venv/bin/)?(flexguard [a-z][^`]*)`", text)
        yield from ((page.name, line) for line in [*fenced, *inline] if "[" not in line and "…" not in line)


def test_every_command_line_of_the_documentation_parses():
    """Whatever the pages say to type is understood by the command line as it is."""
    lines, names = sorted(set(documented())), {name for name, _ in commands()}
    assert ("command-line.md", "flexguard rules check new.yaml --against live") in lines
    wrong = {}
    for page, line in lines:
        if line.removeprefix("flexguard ") in names:  # mentioned, without its arguments
            continue
        try:
            parse(line)
        except click.ClickException as error:
            wrong[page, line] = error.format_message()
    assert wrong == {}


def test_the_reference_is_the_help():
    """docs/command-line.md is what `python -m cli.reference > docs/command-line.md` makes of it today."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.reference"], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert (ROOT / "docs/command-line.md").read_text(encoding="utf-8") == done.stdout


def test_completion_knows_the_commands():
    """A shell that asks for completions gets the commands."""
    environment = {"COMP_WORDS": "flexguard ru", "COMP_CWORD": "1", "_FLEXGUARD_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "cli"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.stdout.split() == ["plain,rules"]


def test_ctrl_c_ends_quietly():
    """SIGINT in the middle of a command ends it with 130 and no traceback."""
    program = (
        "import click, signal, sys; from cli import __main__ as door;"
        "command = click.Command('rules', callback=lambda: signal.raise_signal(signal.SIGINT));"
        "sys.modules['cli.rules'] = type(sys)('cli.rules'); sys.modules['cli.rules'].command = command;"
        "sys.exit(door.main(['rules']))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (128 + signal.SIGINT, "", "")


# -- output ------------------------------------------------------------------------------------------------------


def show(output):
    """The same result, for people and for programs."""
    output.say("two servers")
    output.table("Servers", ["name", "points"], [["pg-" + "long" * 40, 12], ["[red]pg[/]", 1234]])
    output.data({"servers": ["pg-one", "pg-two"]})
    output.warn("one of them is old")


def test_people_see_tables(capfd):
    """Without --json: sentences and tables of at most 100 columns, no colour in a pipe, markup of strangers as text."""
    show(Output())
    seen = capfd.readouterr()
    assert max(map(len, seen.out.splitlines())) <= 100
    assert "[red]pg[/]" in seen.out
    assert "1,234" in seen.out
    assert "\x1b" not in seen.out + seen.err
    assert "{" not in seen.out
    assert seen.err == "one of them is old\n"


def test_programs_see_json(capfd):
    """With --json: one document and nothing else on standard output."""
    show(Output(as_json=True))
    seen = capfd.readouterr()
    assert seen.out == '{\n  "servers": [\n    "pg-one",\n    "pg-two"\n  ]\n}\n'
    assert seen.err == "one of them is old\n"


def test_progress_stays_off_a_pipe(capfd):
    """A bar is for eyes alone: without a terminal nothing is written, and the work goes on."""
    done = []
    with Output().progress("Reading", 3) as advance:
        for step in range(3):
            advance(1)
            done.append(step)
    seen = capfd.readouterr()
    assert (done, seen.out, seen.err) == ([0, 1, 2], "", "")


@pytest.mark.parametrize(("plain", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_and_bars_are_for_terminals(plain, coloured):
    """On a terminal there are colours, unless NO_COLOR is set, and a bar on standard error that goes away again."""
    program = (
        "import sys; from cli.__main__ import main; from cli.output import Output\n"
        "with Output().progress('Reading', 2) as advance: advance(2)\n"
        "sys.exit(main(['rules', 'check', 'rules.yaml']))"
    )
    terminal, inside = pty.openpty()
    environment = {"TERM": "xterm-256color", "PATH": os.defpath, **plain}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=inside, stderr=inside, check=False
    )
    os.close(inside)
    shown = "".join(parts_of(terminal))
    assert done.returncode == 0
    assert "Reading" in shown
    assert "\x1b[2K" in shown  # the bar's line is erased
    answer = shown[shown.index("rules.yaml: no warnings") :]
    assert ("\x1b[" in answer) == coloured


def parts_of(terminal):
    """What was written to a terminal, until nobody holds it open."""
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while part := stream.read(4096):
            yield part.decode(errors="replace")


def test_examples_are_not_rewrapped():
    """Each example keeps its line in the help."""
    shown = click.Command("x", epilog=examples("flexguard one", "flexguard two")).get_help(click.Context(group))
    assert "  flexguard one\n" in shown


# -- connection --------------------------------------------------------------------------------------------------


def test_a_connection_needs_no_storage(monkeypatch, tmp_path):
    """Without a table endpoint a command connects, and only who needs the ledger hears which setting is missing."""
    for name in list(os.environ):  # noqa: TID251 - the settings of whoever runs the tests
        if name.startswith(("FLEXGUARD_", "AzureWebJobsStorage")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    made = connection.connect()
    assert made.ledger is None
    assert made.settings.subscriptions == frozenset()
    with pytest.raises(BadInput, match="AzureWebJobsStorage__tableServiceUri"):
        assert made.needed_ledger
    monkeypatch.setenv("AzureWebJobsStorage__tableServiceUri", "https://acct.table.core.windows.net")
    assert connection.connect().needed_ledger


def test_a_given_connection_is_used():
    """Tests and rehearsals give the commands a connection of their own, and take it away again."""
    mine = Connection(None, None, None)
    connection.use(mine)
    assert connection.connect() is mine
    connection.use(None)
    assert not connection._given
