"""The alerts whose renderings are kept in golden/, one file for each channel and case.

`python -m tests.alerts.cases` writes the files anew; read what changed before you keep it.
"""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from shared.alerts import CHANNELS
from shared.alerts.target import Target
from shared.core.alert import Alert, Phase, Severity
from tests.core.samples import NOW, SERVER, VAULT

GOLDEN = Path(__file__).parent / "golden"
TARGET = Target("https://hooks.example.com/secret-path", "secret-key", "alerts@example.com", ("duty@example.com",))
HOSTILE = (
    "**bold** [click](https://evil.example) <img src=x onerror=alert(1)> <!channel> <@U1> <at>everyone</at> "
    '{{1+1}} %s "quote" \\ `code` &amp;\r\nBcc: all@example.com\r\n\r\n\u202eevil\u2066\x00\x1b[31m\u200b#'
)
OPENED = Alert(
    key="backup_failed/servernotreadyforlongtermbackup/westeurope/shop",
    kind="backup_failed",
    subject=SERVER,
    summary="Backup failed: the server was not ready: pg-orders",
    reason="the scheduled backup failed: the server was not ready (ServerNotReadyForLongTermBackup)",
    fix="start the server; a backup follows",
    at=NOW,
    details={"job": "/jobs/1", "vault": VAULT},
    cause="ServerNotReadyForLongTermBackup",
    place="westeurope",
    owner="shop",
    link="https://aka.ms/DBforPostgreSQLFlexTroubleshoot",
    shown=((SERVER, "the scheduled backup failed"),),
    opened_at=NOW,
    tags=(("cost-center", "42"),),
)
RECOVERED = replace(
    OPENED,
    phase=Phase.RECOVERED,
    severity=Severity.HIGH,
    summary="Recovered: Backup failed: the server was not ready: 9,000 servers",
    subject="westeurope",
    at=NOW + timedelta(hours=5),
    count=9_000,
    number=2,
    shown=tuple((SERVER.replace("pg-orders", f"pg-{number}"), "it failed") for number in range(20)),
)
TAKEN_OVER = replace(
    OPENED,
    subject=f"{SERVER}/{HOSTILE}",
    summary=HOSTILE,
    reason=HOSTILE + "A" * 10_000,
    fix=HOSTILE,
    cause=HOSTILE,
    owner=HOSTILE,
    place=HOSTILE,
    count=2,
    details={"job": HOSTILE},
    shown=((HOSTILE, HOSTILE), (SERVER, "B" * 10_000)),
    tags=(("cost-center", HOSTILE),),
)
CASES = {"opened": OPENED, "recovered": RECOVERED, "hostile": TAKEN_OVER}


def file_of(channel: ModuleType, case: str) -> Path:
    """The golden file of a channel and a case."""
    return GOLDEN / f"{channel.NAME}.{case}.json"


def text_of(channel: ModuleType, case: str) -> str:
    """What stands in it: JSON in ASCII, so that a hostile character can be seen in a review."""
    return json.dumps(channel.render(CASES[case], TARGET), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for one in CHANNELS:
        for name in CASES:
            file_of(one, name).write_text(text_of(one, name), encoding="ascii")
