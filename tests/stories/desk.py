"""The operator's desk: the command line, in this process, before the Azure of a story."""

import json
from dataclasses import dataclass
from typing import Any

from cli import connection
from cli.__main__ import main
from cli.connection import Connection
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TableLedger
from simulator.arm.authorization import OPERATOR
from simulator.transport import InProcessTransport


@dataclass(frozen=True)
class Ran:
    """What came of one command line, and what it asked of Azure: (method, operation) of every call."""

    code: int
    out: str
    err: str
    calls: list[tuple[str, str]]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """Runs commands with the rules of a story. capfd: pytest's."""

    def __init__(self, world: Any, capfd: Any, folder: Any, monkeypatch: Any) -> None:
        self.world, self.capfd, self.folder = world, capfd, folder
        monkeypatch.setenv("FLEXGUARD_RULES", str(self.rules("rules.yaml", world.rules)))
        self.sit_down(OPERATOR)

    def sit_down(self, caller: str) -> None:
        """Let the commands that follow be typed by this principal."""
        settings = self.world.settings
        cloud = Cloud(settings, self.world.azure.credential(caller), InProcessTransport(self.world.azure))
        self.ledger = TableLedger(cloud)
        connection.use(Connection(cloud, self.ledger, settings))

    def rules(self, name: str, text: str) -> Any:
        """Write a rules file with the story's vaults in it."""
        for region in self.world.regions:
            text = text.replace(f"{{vault:{region}}}", self.world.vault_id(region))
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *arguments: str) -> Ran:
        """Run `flexguard` as a shell would."""
        began = len(self.world.azure.log)
        self.capfd.readouterr()
        code = main([str(one) for one in arguments])
        seen = self.capfd.readouterr()
        return Ran(code, seen.out, seen.err, [(call.method, call.operation) for call in self.world.azure.log[began:]])
