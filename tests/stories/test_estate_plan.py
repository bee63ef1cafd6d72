"""Plan, approve and status over a whole estate: what is foreseen is what the app then does, and nothing is written."""

import pytest
from conftest import GOLD, RULES
from desk import Desk

from cli import connection
from cli.stage import SUBSCRIPTION
from shared.core.approval import Entry
from simulator.arm import authorization

GRAPH = ("POST", "Microsoft.ResourceGraph/resources/read")
SETTLED_S = 90  # Resource Graph is behind by so much, and more
OTHER = "22222222-0000-4000-8000-000000000002"


@pytest.fixture
def desk(estate, capfd, tmp_path, monkeypatch):
    """An estate whose app has not heard of its servers, and a desk before it."""

    def make(rules=RULES, servers=None, **options):
        world = estate(rules, **options)
        for name, tags in (servers or {"pg-one": GOLD, "pg-two": {"backup-tier": "bronze"}, "pg-not": {}}).items():
            world.create_server(name, tags)
        courier, world.courier = world.courier, lambda _event: ()
        world.run(seconds=1200)
        world.courier = courier
        return world, Desk(world, capfd, tmp_path, monkeypatch)

    yield make
    connection.use(None)


def is_reading(calls):
    return all(call == GRAPH or call[0] == "GET" for call in calls)


def by_name(servers):
    return {one["name"]: one for one in servers}


def writes_of(world, since):
    """What the app has written about protection, as (server, action, target) without its tries."""
    kinds = {
        "Microsoft.DataProtection/backupVaults/backupPolicies/write": "EnsurePolicy",
        "Microsoft.Authorization/roleAssignments/write": "GrantRole",
        "Microsoft.DataProtection/backupVaults/backupInstances/write": "Protect",
        "Microsoft.DataProtection/backupVaults/backupInstances/backup/action": "StartBackup",
    }
    found = [(kinds[call.operation], call.path) for call in world.app_calls(since) if call.operation in kinds]
    return {action: len({path for kind, path in found if kind == action}) for action, _ in found}


# -- plan --------------------------------------------------------------------------------------------------------


def test_the_app_does_what_was_planned(desk):
    """Every policy, role, instance and backup of the plan is what the app then writes; how it ends is said before."""
    world, at = desk()
    planned = at.run("plan", "--json").json
    assert planned["counts"]["action"] == {"GrantRole": 3, "EnsurePolicy": 2, "Protect": 2, "StartBackup": 1}
    began = len(world.azure.log)
    for name in ("pg-one", "pg-two"):
        world.tag(world.server_id(name), touched="yes")
    world.run(seconds=7200)
    assert writes_of(world, began) == planned["counts"]["action"]
    finals = {one["name"]: one["final"] for one in planned["servers"]}
    said = by_name(at.run("status", "--json").json)
    assert finals == {name: one["verdict"] for name, one in said.items()}
    assert finals == {"pg-one": "protected", "pg-two": "first_backup_pending", "pg-not": "not_opted_in"}


def test_nothing_is_written(desk):
    """Whatever is asked of the plan, the calls are reads; when nothing is to be done they are few."""
    world, at = desk()
    for options in ((), ("--roles",), ("--json",), ("--all",), ("--server", world.server_id("pg-one"))):
        ran = at.run("plan", *options)
        assert ran.code == 0, ran.err
        assert is_reading(ran.calls)
        assert len(ran.calls) <= 8
    assert at.ledger.approvals(world.azure.now.replace(year=2000)) == ()


def test_a_plan_fits_the_screen(desk):
    """Counts, servers, reasons, price and hash, within 100 columns; what is not read is said to be checked later."""
    _, at = desk()
    ran = at.run("plan")
    assert max(map(len, ran.out.splitlines())) <= 100
    for said in (
        "pg-one",
        "GrantRole Reader on rg-data (checked on apply)",
        "tag backup-tier = gold",
        "flexguard approve",
    ):
        assert said in ran.out
    assert "checked on apply" not in at.run("plan", "--roles").out


def test_roles_that_are_there_are_not_planned(desk):
    """With --roles, roles on the group count; the vault's identity needs none of its own then."""
    world, at = desk()
    for role in ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531"):
        authorization.grant(world.azure.world, world.vault_principal, role, world.server_id("x").split("/providers")[0])
    assert "GrantRole" in at.run("plan", "--json").json["counts"]["action"]
    assert "GrantRole" not in at.run("plan", "--roles", "--json").json["counts"]["action"]


def test_observe_is_shown_as_such(desk):
    """The plan is that of protect, the mode stands beside it, and the rule that says so."""
    _, at = desk(RULES.replace("mode: protect", "mode: observe"))
    one = by_name(at.run("plan", "--json").json["servers"])["pg-one"]
    assert (one["mode"], one["mode_rule"], one["verdict"], one["final"]) == (
        "observe", "mode", "blocked_observe_only", "protected",
    )  # fmt: skip
    assert [write["action"] for write in one["writes"]][-2:] == ["Protect", "StartBackup"]


def test_two_files_are_compared(desk):
    """A shorter tier is for the worse and exits with 1; the same file with other words is no difference."""
    _, at = desk()
    lower = at.run("plan", "--json", "--rules", at.rules("new.yaml", at.world.rules.replace("35 days", "30 days")))
    (change,) = lower.json["changes"]
    assert (lower.code, change["name"], change["retention"], change["is_worse"]) == (1, "pg-one", "lower", True)
    same = at.run("plan", "--rules", at.rules("same.yaml", "# the same\n" + at.world.rules))
    assert same.code == 0
    assert "treat every server alike" in same.out


def test_a_price_is_an_estimate(desk):
    """With a price file each server has its price and each tier its total, labelled; without one it says so."""
    _, at = desk()
    prices = at.folder / "prices.yaml"
    prices.write_text(
        "date: 2026-11-22\ncurrency: EUR\nsource: a test\ndump_gb: {assumed_gb: 10}\nregions:\n"
        "  westeurope: {instance_month: 10.0, gb_month: {LocallyRedundant: 0.01}}\n",
        encoding="utf-8",
    )
    found = at.run("plan", "--json", "--prices", prices).json
    assert found["price"]["is_estimate"]
    assert {one["tier"]: one["then"]["servers"] for one in found["price"]["tiers"]} == {"bronze": 1, "gold": 1}
    assert by_name(found["servers"])["pg-two"]["price"]["then"]["monthly"] == pytest.approx(10.4)
    assert "estimate for 2 servers" in at.run("plan", "--prices", prices).out


# -- what cannot be read -----------------------------------------------------------------------------------------


def test_a_subscription_that_cannot_be_read_is_named(desk):
    """It is missing, not empty: a warning and exit code 1, whatever else is well."""
    _, at = desk()
    for command in ("plan", "status"):
        ran = at.run(command, "--subscription", SUBSCRIPTION, "--subscription", OTHER)
        assert ran.code == 1
        assert f"subscription {OTHER}: not to be seen" in ran.err


def test_an_empty_answer_is_no_empty_estate(desk):
    """Who may read nothing gets exit code 1 and the reason, never "nothing to protect"."""
    _, at = desk()
    at.sit_down("33333333-0000-4000-8000-000000000003")
    ran = at.run("status", "--json")
    assert (ran.code, ran.json) == (1, [])
    assert "not to be seen" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subscription", "nonsense"), "valid is a subscription id"),
        (("--management-group", "a/b"), "valid is the name of a management group"),
        (("--server", "pg-one"), "valid is the full id of a server"),
        (("--server", "x", "--subscription", OTHER), "one kind of them"),
        (("--rules", "nowhere.yaml"), "nowhere.yaml"),
        (("--prices", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_bad_input_is_said(desk, arguments, said):
    """What cannot be meant exits with 2 and says what is valid, before anything is asked of Azure."""
    _, at = desk(servers={"pg-one": {}})
    ran = at.run("plan", *arguments)
    assert (ran.code, ran.calls) == (2, [])
    assert said in ran.err


# -- approve -----------------------------------------------------------------------------------------------------


def test_a_plan_is_approved(desk):
    """The hash that was printed is recorded with who, when and what; approving again changes nothing."""
    world, at = desk()
    plan = at.run("plan", "--json").json
    ran = at.run("approve", plan["hash"], "--json")
    assert ran.code == 0, ran.err
    assert [call for call in ran.calls if call[0] in ("PUT", "PATCH", "DELETE") and "Microsoft." in call[1]] == []
    (kept,) = at.ledger.approvals(world.azure.now.replace(year=2000))
    wanted = {
        Entry(one["id"].lower(), write["action"], write["target"].lower())
        for one in plan["servers"]
        for write in one["writes"]
    }
    assert (kept.plan_hash, set(kept.entries), kept.at) == (plan["hash"], wanted, world.azure.now)
    assert kept.by
    assert at.run("approve", plan["hash"].upper()).code == 0
    assert len(at.ledger.approvals(world.azure.now.replace(year=2000))) == 1


def test_a_plan_that_has_changed_is_not_approved(desk):
    """With the printed plan beside it, it says what is new and what has vanished; nothing is recorded."""
    world, at = desk()
    printed = at.run("plan", "--json")
    file = at.folder / "plan.json"
    file.write_text(printed.out, encoding="utf-8")
    world.tag(world.server_id("pg-not"), backup_tier="gold")
    world.tag(world.server_id("pg-two"), backup_tier="none")
    world.azure.advance(SETTLED_S)
    world.azure.world.outbox.clear()
    ran = at.run("approve", printed.json["hash"], "--plan", file, "--json")
    assert ran.code == 1
    assert {entry["server"].rsplit("/", 1)[-1] for entry in ran.json["new"]} == {"pg-not"}
    assert {entry["server"].rsplit("/", 1)[-1] for entry in ran.json["vanished"]} == {"pg-two"}
    assert at.ledger.approvals(world.azure.now.replace(year=2000)) == ()
    assert at.run("approve", "0" * 16, "--plan", file).code == 2


def test_an_unknown_hash_is_bad_input(desk):
    """It exits with 2 and names the hashes that are known: that of the plan now, and what was approved."""
    world, at = desk()
    now = at.run("plan", "--json").json["hash"]
    ran = at.run("approve", "0123456789abcdef")
    assert ran.code == 2
    assert now in ran.err
    at.run("approve", now)
    world.tag(world.server_id("pg-not"), backup_tier="gold")
    world.azure.advance(SETTLED_S)
    assert f"{now}: approved by" in at.run("approve", "0123456789abcdef").err
    assert at.run("approve", now).code == 1  # it was approved once, so what has changed can be said


# -- status ------------------------------------------------------------------------------------------------------


def test_status_has_one_entry_per_server(desk):
    """Id, verdict, reason, fix, tier and owner of every server; exit code 1 while somebody has something to do."""
    slip = {"backup-tier": "glod", "backup-owner": "team-shop"}
    _, at = desk(servers={"pg-one": GOLD, "pg-slip": slip})
    ran = at.run("status", "--json")
    entries = by_name(ran.json)
    assert ran.code == 1
    assert entries.keys() == {"pg-one", "pg-slip"}
    entry = entries["pg-slip"]
    assert {name: entry[name] for name in ("verdict", "tier", "owner", "subscription")} == {
        "verdict": "blocked_unknown_tier", "tier": "", "owner": "team-shop", "subscription": SUBSCRIPTION,
    }  # fmt: skip
    assert "did you mean gold?" in entry["reason"]
    assert entry["fix"].startswith("application team: ")
    shown = at.run("status").out
    assert "Coverage: 0 of 2 servers that could be protected (0.0 %)" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_status_knows_what_the_app_was_refused(desk):
    """What only the app knows, a refusal, is the verdict; without the ledger the rows have their say."""
    world, at = desk(servers={"pg-one": GOLD})
    world.azure.world.faults.add("fail_validation", times=50, code="UserErrorInvalidServer")
    world.tag(world.server_id("pg-one"), touched="yes")
    world.run(seconds=1200)
    told = world.row(world.server_id("pg-one"))
    assert told.verdict.startswith("blocked_")
    (entry,) = at.run("status", "--json").json
    assert (entry["verdict"], entry["reason"]) == (told.verdict, told.reason)
