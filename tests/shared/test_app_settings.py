"""App settings: what is read from the environment, and every problem at once."""

from pathlib import Path

import pytest

from shared.settings import VARIABLES, BadSettings, Settings, read_settings
from tests.core.samples import PRINCIPAL, SUBSCRIPTION

HOME = Path("home")
LEAST = {
    "FLEXGUARD_SUBSCRIPTIONS": f" {SUBSCRIPTION.upper()} ,, ",
    "AzureWebJobsStorage__queueServiceUri": "https://a.queue.core.windows.net",
    "AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net",
}

LISTS = {
    "FLEXGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
    "FLEXGUARD_VAULT_IDENTITIES": f"{PRINCIPAL.upper()},",
    "FLEXGUARD_MANAGEMENT_GROUPS": "corp, Online",
    "FLEXGUARD_DELIVERY": "storage_queue",
}


def test_three_settings_are_enough():
    """Without more than the required settings, public Azure and the shipped rules file are used."""
    settings = read_settings(LEAST, HOME)
    assert settings.subscriptions == {SUBSCRIPTION}
    assert (settings.rules_path, settings.alert_topic, settings.client_id) == (HOME / "rules.yaml", "", "")
    assert settings.arm_endpoint == "https://management.azure.com"


def test_every_setting_has_its_variable():
    """Each field of the settings can be set, and each variable sets a field."""
    assert set(VARIABLES) == set(Settings.__dataclass_fields__) - {"channels"}
    given = {variable: f"https://x/{name}" for name, variable in VARIABLES.items()}
    given |= {**LISTS, "FLEXGUARD_RULES": "my.yaml", "FLEXGUARD_STATUS_ACCESS": "entra"}
    given["FLEXGUARD_EVIDENCE_CONTAINER"] = "evidence"
    settings = read_settings(given, HOME)
    assert settings.status_access == "entra"
    assert settings.rules_path == HOME / "my.yaml"
    assert settings.vault_identities == {PRINCIPAL}
    assert settings.management_groups == {"corp", "online"}
    spelt = {"subscriptions", "vault_identities", "management_groups", "rules_path", "delivery", "status_access"}
    plain = set(VARIABLES) - spelt - {"evidence_container"}
    assert settings.evidence_container == "evidence"
    assert {name: getattr(settings, name) for name in plain} == {name: f"https://x/{name}" for name in plain}


@pytest.mark.parametrize("name", ["https://x/evidence", "Evidence", "-e-", "ev", "e/../flexguard", "e" * 64])
def test_a_container_has_a_name(name):
    """What is no name of a container stops the start, and says what is valid."""
    with pytest.raises(BadSettings, match=r"FLEXGUARD_EVIDENCE_CONTAINER is .*3 to 63 small letters"):
        read_settings(LEAST | {"FLEXGUARD_EVIDENCE_CONTAINER": name}, HOME)


def test_every_problem_is_said_at_once():
    """Missing and wrong settings come in one answer, each by the name of its variable and with what is valid."""
    wrong = {
        "FLEXGUARD_SUBSCRIPTIONS": f"{SUBSCRIPTION}, production",
        "AzureWebJobsStorage__tableServiceUri": "http://plain",
        "FLEXGUARD_ARM_ENDPOINT": "management.azure.com",
        "FLEXGUARD_VAULT_IDENTITIES": f"bv-one,{PRINCIPAL}",
    }
    with pytest.raises(BadSettings) as caught:
        read_settings(wrong, HOME)
    assert str(caught.value).splitlines() == [
        "AzureWebJobsStorage__queueServiceUri is missing",
        "AzureWebJobsStorage__tableServiceUri is 'http://plain'; valid is an https:// address",
        "FLEXGUARD_ARM_ENDPOINT is 'management.azure.com'; valid is an https:// address",
        "FLEXGUARD_SUBSCRIPTIONS has 'production'; valid are subscription ids, comma-separated",
        "FLEXGUARD_VAULT_IDENTITIES has 'bv-one'; valid are principal ids of vaults, comma-separated",
    ]


def test_nothing_is_managed_by_accident():
    """Blank subscriptions are as missing as none: the app does not start with nothing to manage."""
    for blank in ("", "  ", ","):
        with pytest.raises(BadSettings, match="FLEXGUARD_SUBSCRIPTIONS"):
            read_settings({**LEAST, "FLEXGUARD_SUBSCRIPTIONS": blank}, HOME)


def test_channels_come_by_their_prefix_and_are_not_shown():
    """Addresses and keys of alert channels are taken as they are, and stand in no text that could be logged."""
    settings = read_settings({**LEAST, "FLEXGUARD_CHANNEL_SHOP": " https://hooks/s3cret ", "OTHER": "x"}, HOME)
    assert settings.channels == {"FLEXGUARD_CHANNEL_SHOP": "https://hooks/s3cret"}
    assert "s3cret" not in repr(settings)
