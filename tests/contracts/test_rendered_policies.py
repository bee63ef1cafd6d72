"""The policies that tiers render to, against Microsoft's OpenAPI and by the local Azure's own checks."""

from hypothesis import given, settings
from jsonschema_rs import Draft4Validator

from shared.core.policy import means, read_policy, render, tier_meanings
from tests.contracts.bundle import bundled
from tests.contracts.documents import served
from tests.core.samples import rich_tiers
from tests.simulator import dataprotection_world as estate

SERVERS = "Microsoft.DBforPostgreSQL/flexibleServers"


def test_every_tier_renders_to_what_the_document_allows(wire):
    """Any variant of any tier is a body that the OpenAPI of PUT …/backupPolicies/{name} takes, also on its way back."""
    (put,) = [each for each in served(wire) if each.id == "BackupPolicies_CreateOrUpdate"]
    document = bundled(put)
    (body,) = [one for one in document["paths"][put.path]["put"]["parameters"] if one["in"] == "body"]
    validator = Draft4Validator({"definitions": document["definitions"], **body["schema"]})
    wrong = {"properties": {"objectType": "BackupPolicy", "policyRules": [{"objectType": "AzureBackupRule"}]}}
    assert not validator.is_valid(wrong)

    @settings(max_examples=60, deadline=None)
    @given(rich_tiers())
    def every_variant(tier):
        for variant in range(len(tier_meanings(tier))):
            assert [str(error) for error in validator.iter_errors(render(tier, SERVERS, variant))] == []

    every_variant()


def test_the_local_azure_takes_every_tier():
    """The local Azure takes any tier's policy from Microsoft's own client, and gives back what means the tier."""
    azure = estate.estate()
    client = estate.client(azure)
    numbers = iter(range(10_000))

    @settings(max_examples=25, deadline=None)
    @given(rich_tiers())
    def one(tier):
        variant = len(tier_meanings(tier)) - 1
        name = f"policy-{next(numbers)}"
        client.backup_policies.create_or_update("rg-backup", "bv-one", name, render(tier, SERVERS, variant))
        got = client.backup_policies.get("rg-backup", "bv-one", name)
        assert means(read_policy(got.as_dict()).meaning, tier)

    one()
