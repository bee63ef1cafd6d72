"""Leaves the demo up after its story: what to try, and the app's own words as they come. Ctrl-C ends it."""

import shlex
import time

from rich.console import Console

from cli.demo.estate import REGIONS
from cli.over_the_wire import FOLDER, OverTheWire
from cli.stage import server_id

SPEED = 10
PAUSE_S = 0.5
AZ = ".venv/bin/python -m cli.az"
ENVIRONMENT = FOLDER / "cli.env"


def keep_up(console: Console, stage: OverTheWire) -> None:
    """Let virtual time go on ten times as fast as real time, print what the app does, until Ctrl-C."""
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in stage.let_in_operator(REGIONS[0]).items())
    ENVIRONMENT.write_text("".join(lines), encoding="utf-8")
    stage.let_time_pass(SPEED)
    console.print(_hints(stage), soft_wrap=True, markup=False)
    told = len(stage.facts(0))
    try:
        while True:
            for at, fact in stage.facts(told):
                told += 1
                if fact["fact"] in ("looked", "applied", "alert"):
                    name = str(fact.get("server") or fact.get("subject", "")).rsplit("/", 1)[-1]
                    what = fact.get("verdict") or fact.get("action") or fact.get("summary")
                    console.print(f"{at:%H:%M:%S}  {name:<14}  {what}", markup=False)
            time.sleep(PAUSE_S)  # noqa: TID251 - real time passes here, for people
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")


def _hints(stage: OverTheWire) -> str:
    server = server_id("pg-scratch", "rg-shop")
    arm, ca = stage.azure["arm"], stage.azure["ca"]
    tags = f"{arm}{server}/providers/Microsoft.Resources/tags/default?api-version=2022-09-01"
    body = '{"operation":"Merge","properties":{"tags":{"backup-tier":"gold"}}}'
    me = "-H 'Authorization: Bearer simulated.operator'"
    return f"""
It stays up: the local Azure at {arm}, ten virtual seconds a second. Ctrl-C ends it. In another terminal:

  ask Flexguard itself, as an identity that may only read
    set -a; . {ENVIRONMENT}; set +a
    .venv/bin/flexguard status

  the status page, of the last sweep (ten minutes past every hour)
    {stage.host["url"]}/api/status?code={stage.host["keys"]["functions"]["status"]}

  tag a server that nobody asked for, and watch it become protected below
    curl -sS --cacert {ca} -X PATCH {me} \\
      -H 'Content-Type: application/json' '{tags}' \\
      -d '{body}'

  the same with Microsoft's command line, once `make az` has installed it
    {AZ} tag update --resource-id {server} \\
      --operation Merge --tags backup-tier=gold

  look at a server
    curl -sS --cacert {ca} {me} '{arm}{server}?api-version=2025-08-01'

  let the next backup fail
    python -m simulator fault fail_backup --next 1
"""
