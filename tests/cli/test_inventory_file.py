"""The file of an export: what is wrong in it is said with file, place, value and what is valid; faults likewise."""

import json

import msgspec
import pytest

from cli import rehearse_faults
from cli.inventory import Inventory, read, write
from cli.output import BadInput
from simulator.fault_names import FAULTS
from simulator.faults import Faults

SUBSCRIPTION = "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-one"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
WHOLE = {
    "kind": "flexguard inventory",
    "version": 1,
    "at": "2026-11-23T09:20:00Z",
    "scope": f"subscription {SUBSCRIPTION}",
    "tags": ["backup-tier"],
    "subscriptions": {SUBSCRIPTION: "production"},
    "servers": [{"id": SERVER, "region": "westeurope", "tags": {"backup-tier": "gold"}}],
    "vaults": [{"id": VAULT, "region": "westeurope", "principal_id": "p"}],
    "instances": [{"id": f"{VAULT}/backupInstances/pg-1", "server": SERVER, "policy": "p", "state": "ProtectionError"}],
}


def file(folder, content):
    path = folder / "estate.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(**members):
    return {**WHOLE, **members}


def test_what_is_written_is_read(tmp_path):
    """A file that was read and written again is the same estate, to the byte."""
    inventory = read(file(tmp_path, WHOLE))
    text = write(inventory)
    assert read(file(tmp_path, text)) == inventory
    assert write(read(file(tmp_path, text))) == text
    assert json.loads(text)["servers"][0]["tags"] == {"backup-tier": "gold"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{\n  "kind": 1,,\n}', "estate.json:2:13: is not JSON: "),
        ("[]", "estate.json is no inventory"),
        ({"kind": "something else"}, "`flexguard export --to estate.json` writes such a file"),
        (changed(version=2), "estate.json: version is 2; this Flexguard reads version 1"),
        (changed(at="yesterday"), "estate.json: at is 'yesterday'; invalid RFC3339 encoded datetime"),
        (changed(servers=[{"id": SERVER}]), "servers[0]; object missing required field `region`"),
        (
            changed(servers=[WHOLE["servers"][0], {"id": SERVER, "region": "x", "storage": 5}]),
            "replication_role, is_cluster, storage_gb, tags; did you mean storage_gb?",
        ),
        (changed(servers=[{"id": SERVER, "region": 7}]), "servers[0].region is 7; expected `str`, got `int`"),
        (changed(server=[]), "the file has a member 'server'; valid are kind, version"),
        (changed(servers=[{"id": VAULT, "region": "x"}]), f"servers[0].id is '{VAULT}'; valid is the id of a resource"),
        (changed(instances=[WHOLE["instances"][0] | {"server": "pg"}]), "instances[0].server is 'pg'; valid is the id"),
        (changed(subscriptions={"prod": ""}), "subscriptions has 'prod'; valid is the id of a subscription"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path, content, said):
    """The message names the file, the place, the value, and what is valid."""
    with pytest.raises(BadInput) as wrong:
        read(file(tmp_path, content))
    assert said in str(wrong.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000])
def test_no_file_is_a_crash(tmp_path, content):
    """Bytes that are no text, and JSON that is nested without end, are refused as well."""
    path = tmp_path / "estate.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"estate\.json is n"):
        read(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "none.json")


def test_members_that_may_be_missing_have_their_meaning():
    """An estate without vaults, policies, instances and roles is an estate; roles that are missing were not read."""
    inventory = msgspec.convert({**WHOLE, "vaults": [], "instances": []}, Inventory)
    assert (inventory.roles, inventory.policies, inventory.servers[0].state) == (None, (), "Ready")


# -- faults ------------------------------------------------------------------------------------------------------


def test_faults_are_names_and_rates():
    """A name alone is once, a rate is a share; several stand in one option or in several; hyphens will do."""
    wanted = rehearse_faults.parse(["throttle=0.05, lose-event=.2", "crash_after"])
    assert wanted == {"throttle": 0.05, "lose_event": 0.2, "crash_after": 1.0}
    faults = Faults()
    rehearse_faults.let_happen(faults, wanted, seed=3)
    assert [(one.kind, one.rate, one.times > 1) for one in faults.waiting] == [
        ("throttle", 0.05, True), ("lose_event", 0.2, True), ("crash_after", 1.0, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("throtle=0.1", "no fault is called 'throtle'; did you mean throttle?"),
        ("reset=lots", "the rate is 'lots'; valid is a number from 0 to 1, such as reset=0.05"),
        ("reset=1.5", "the rate is '1.5'"),
        ("server_deleted", "server_deleted changes one resource by its id"),
    ],
)
def test_a_wrong_fault_is_refused(text, said):
    """The message has the nearest valid name, or what a rate may be."""
    with pytest.raises(BadInput) as wrong:
        rehearse_faults.parse([text])
    assert said in str(wrong.value)


def test_every_fault_but_those_of_one_thing_can_be_rehearsed():
    """No fault of the model is forgotten: what is left out is of place world."""
    assert {FAULTS[name].place for name in FAULTS.keys() - set(rehearse_faults.NAMES)} == {"world"}
