"""What a call is counted as."""

import pytest

from shared.core.operations import operation_of

SCOPE = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
SERVER = f"{SCOPE}/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg"
VAULT = f"{SCOPE}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (SERVER, "flexibleServers"),
        (f"{SERVER}/providers/Microsoft.DataProtection/backupInstances", "backupInstances"),
        (f"{VAULT}/backupInstances/one", "backupVaults/backupInstances"),
        (f"{VAULT}/backupInstances/one/backup", "backupVaults/backupInstances/backup"),
        (f"{VAULT}/validateForBackup", "backupVaults/validateForBackup"),
        (f"{SCOPE}/providers/Microsoft.DataProtection/locations/we/operationStatus/x", "locations/operationStatus"),
        ("/providers/Microsoft.ResourceGraph/resources", "resources"),
        ("/subscriptions", "subscriptions"),
        (f"{SCOPE}/resourceGroups/rg", "resourceGroups"),
        ("", ""),
    ],
)
def test_an_operation_has_no_names(path: str, said: str):
    """Method and types, and nothing that grows with the estate."""
    assert operation_of("GET", path) == f"GET {said}"
