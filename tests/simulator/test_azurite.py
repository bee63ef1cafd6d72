"""Azurite on the local stage: it goes by the local Azure's clock, it ends, and what is missing for it is named."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.storage.queue import QueueServiceClient
from served import ROOT, Served, served
from storage_clients import Tokens

from cli.azurite import Azurite, NoAzurite, installed

HOUR_S = 3600


def started(folder: Path, local: Served | None = None) -> Azurite:
    """An Azurite, or the reason why there can be none here."""
    try:
        return Azurite(installed(print), folder / "azurite.log", local.ready if local else None)
    except NoAzurite as missing:
        pytest.skip(str(missing))


def test_it_lives_in_the_time_of_the_local_azure(tmp_path: Path):
    """A message that is hidden for an hour is due on the local Azure's clock, and there when it says so, not before.

    Answers carry that clock's time, and tokens of the real time are good, more than a year apart.
    """
    with served(tmp_path, "--speed", "0") as local:
        azurite = started(tmp_path, local)
        dates: list[str] = []
        try:
            with QueueServiceClient(
                azurite.endpoints["queue"],
                credential=Tokens(),
                connection_verify=azurite.ca,
                raw_response_hook=lambda answer: dates.append(answer.http_response.headers["date"]),
            ) as queues:
                local.control("POST", "/clock", {"advance_s": 400 * 24 * HOUR_S})
                queue = queues.create_queue("later")
                queue.send_message("x", visibility_timeout=HOUR_S)
                clock = local.control("GET", "/clock")
                now, due = (datetime.fromisoformat(clock[name]) for name in ("now", "next_due"))
                assert abs(due - now - timedelta(seconds=HOUR_S)) < timedelta(milliseconds=2)
                assert queue.receive_message() is None
                local.control("POST", "/clock", {"until": due.isoformat(), "jump": True})
                local.control("GET", "/clock", at=due.isoformat())
                message = queue.receive_message()
                assert message
                assert message.content == "x"
                assert dates[-1] == due.strftime("%a, %d %b %Y %H:%M:%S GMT")
        finally:
            azurite.close()
        assert (tmp_path / "azurite.log").read_text(encoding="utf-8") == ""


def test_it_trusts_tokens_alone_and_ends(tmp_path: Path):
    """Over TLS nobody without a token gets in; after its end nobody answers and its files are gone."""
    azurite = started(tmp_path)
    with requests.Session() as http:
        http.trust_env = False
        assert http.get(azurite.endpoints["queue"] + "?comp=list", verify=azurite.ca, timeout=5).status_code == 403
        kept = tmp_path / "ca.pem"
        kept.write_bytes(Path(azurite.ca).read_bytes())
        azurite.close()
        with pytest.raises(requests.ConnectionError):
            http.get(azurite.endpoints["queue"], verify=str(kept), timeout=5)
    assert not Path(azurite.ca).exists()


def test_without_node_the_demo_says_so():
    """What is missing is named, with where to get it, and the exit code is 2."""
    said = subprocess.run(
        [sys.executable, "-m", "cli.demo", "--storage", "azurite"],
        cwd=ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2, said.stderr
    assert "Azurite needs 'node'" in said.stdout
    assert "nodejs.org" in said.stdout
