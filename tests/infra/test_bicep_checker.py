"""The checker itself: every mistake that people make is found, at its line, with the nearest right word."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import VARIABLES
from tests.infra.bicep_check import UNTYPED, check
from tests.infra.bicep_file import read, text, within
from tests.tidy.tree import ROOT

TEMPLATES = sorted((ROOT / "infra").rglob("*.bicep"))
# Members of objects that may have any: settings (test_settings_table.py), tags, a workspace's features, a workbook.
OPEN = {
    *VARIABLES.values(), "azd-service-name", "${identityId}", "disableLocalAuth",
    "enableLogAccessUsingOnlyResourcePermissions", "version", "items", "fallbackResourceIds",
}  # fmt: skip
HERE = ROOT / "infra" / "seeded.bicep"  # is never written: modules are looked for beside it
RIGHT = """
targetScope = 'subscription'

param location string
param redundancy 'LocallyRedundant' | 'ZoneRedundant' = 'ZoneRedundant'
param people string[] = []
var tags = { env: 'prod' }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-flexguard'
  location: location
  tags: tags
}

module vault 'modules/vault.bicep' = [for (name, i) in people: {
  scope: group
  name: 'vault-${i}'
  params: {
    name: name
    location: location
    tags: tags
    redundancy: redundancy
    immutability: 'Unlocked'
    softDeleteDays: 14
    workspaceId: group.id
  }
}]

output principals array = [for (name, i) in people: vault[i].outputs.principalId]
"""
STORAGE = """
param name string
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: resourceGroup().location
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: { allowSharedKeyAccess: false, minimumTlsVersion: 'TLS1_2' }
}
resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  name: 'topic/flexguard'
  properties: {
    destination: { endpointType: 'StorageQueue', properties: { resourceId: account.id, queueName: 'events' } }
    filter: { advancedFilters: [{ operatorType: 'StringIn', key: 'data.operationName', values: ['x'] }] }
  }
}
output blob string = account.properties.primaryEndpoints.blob
"""
# what is right → what is written instead: what is said of it, in the line where it stands
MISTAKES = {
    (RIGHT, "  tags: tags\n}\n\nmodule", "  tags: tags\n\nmodule"): "is no Bicep",
    (RIGHT, "  location: location\n  tags: tags\n}", "  tags: tags\n}"): "location is missing",
    (RIGHT, "  tags: tags\n}\n\nmodule", "  tagz: tags\n}\n\nmodule"): "tagz is not known; did you mean tags?",
    (RIGHT, "resourceGroups@2025-04-01", "resourceGroups@2025-04-31"): "did you mean 2025-04-01?",
    (
        RIGHT,
        "Resources/resourceGroups@",
        "Resources/resourceGroup@",
    ): "did you mean microsoft.resources/resourcegroups?",
    (RIGHT, "Microsoft.Resources/", "Microsoft.Resorces/"): "is not known",
    (
        RIGHT,
        "location: location\n    tags",
        "location: loction\n    tags",
    ): "loction is declared nowhere; did you mean location?",
    (RIGHT, "var tags = { env: 'prod' }", "var tags = { env: prod }"): "prod is declared nowhere",
    (RIGHT, "var tags", "var people = 1\nvar tags"): "people is declared twice",
    (RIGHT, "var tags", "var idle = 1\nvar tags"): "idle is never used",
    (
        RIGHT,
        "  location: location\n  tags",
        "  location: toLowr(location)\n  tags",
    ): "toLowr() is no function; did you mean toLower?",
    (
        RIGHT,
        "param location",
        "@descripton('x')\nparam location",
    ): "@descripton is no decorator; did you mean description?",
    (RIGHT, "modules/vault.bicep", "modules/vualt.bicep"): "modules/vualt.bicep is not there",
    (RIGHT, "    softDeleteDays: 14\n", ""): "modules/vault.bicep needs softDeleteDays",
    (RIGHT, "softDeleteDays: 14", "softDeleteDays: '14'"): "takes softDeleteDays as int, not string",
    (RIGHT, "softDeleteDays: 14", "softDeleteDays: location"): "takes softDeleteDays as int, not string",
    (RIGHT, "softDeleteDays: 14", "softDeletDays: 14"): "takes no softDeletDays; did you mean softDeleteDays?",
    (RIGHT, "'Unlocked'", "'Unloked'"): "immutability is 'Unloked'; did you mean Unlocked?",
    (
        RIGHT,
        "'LocallyRedundant' | 'ZoneRedundant' =",
        "'GloballyRedundant' | 'ZoneRedundant' =",
    ): "redundancy is 'GloballyRedundant'",
    (RIGHT, "outputs.principalId", "outputs.principal"): "puts out no principal; did you mean principalId?",
    (RIGHT, "  scope: group\n", ""): "is for a resourceGroup; its scope is a subscription",
    (RIGHT, "  scope: group\n", "  skope: group\n"): "a module has no skope",
    (RIGHT, "env: 'prod'", "env: loadTextContent('nowhere.txt')"): "nowhere.txt is not there",
    (STORAGE, "'StorageV2'", "'StorageV9'"): "kind is 'StorageV9'; did you mean",
    (STORAGE, "'TLS1_2'", "'TLS1.2'"): "properties.minimumTlsVersion is 'TLS1.2'; did you mean TLS1_2?",
    (STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: 'false'"): "is of kind string; valid is bool",
    (STORAGE, "allowSharedKeyAccess:", "allowSharedKeys:"): "properties.allowSharedKeys is not known; did you mean",
    (STORAGE, "  sku: { name: 'Standard_ZRS' }\n", ""): "sku is missing",
    (STORAGE, "sku: { name: 'Standard_ZRS' }", "sku: { tier: 'Standard' }"): "sku.tier is Azure's to write",
    (STORAGE, "sku: { name: 'Standard_ZRS' }", "sku: {}"): "sku.name is missing",
    (STORAGE, "'StorageQueue'", "'StorageQueu'"): "endpointType is StorageQueu; did you mean StorageQueue?",
    (STORAGE, "queueName", "queue"): "properties.destination.properties.queue is not known; did you mean queueName?",
    (STORAGE, "'StringIn'", "'StringIs'"): "advancedFilters[].operatorType is StringIs; did you mean StringIn?",
    (STORAGE, "values: ['x']", "values: [1]"): "values[] is of kind int; valid is string",
    (
        STORAGE,
        "resource events '",
        "resource x 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {}\nresource events '",
    ): ("x exists: it has a name"),
    (
        STORAGE,
        "primaryEndpoints.blob",
        "primaryEndpoint.blob",
    ): "account has no primaryEndpoint; did you mean primaryEndpoints?",
    (STORAGE, "primaryEndpoints.blob", "primaryEndpoints.blobs"): "account has no blobs; did you mean blob?",
}


def misspelled(path: Path) -> Iterator[tuple[str, str]]:
    """A template's text with one member of a resource or module misspelled, for each of them; and which it is."""
    content = path.read_bytes()
    file = read(path)
    for declared in (*file.of_kind("resource").values(), *file.of_kind("module").values()):
        for node in within(declared.node) if declared.of not in UNTYPED else ():
            key = node.named_children[0] if node.type == "object_property" else None
            if key is not None and text(key).strip("'") not in OPEN:
                at = key.start_byte + (key.type == "string")
                yield f"{path.name}: {text(key)}", (content[:at] + b"zz" + content[at:]).decode()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_member_can_be_misspelled(path: Path, bicep_types: Path):
    """In the real templates: whichever member of a resource or module is misspelled, it is said."""
    quiet = [member for member, content in misspelled(path) if not check(path, bicep_types, content)]
    assert quiet == []


@pytest.mark.parametrize("content", [RIGHT, STORAGE], ids=["modules", "resources"])
def test_what_is_right_passes(content: str, bicep_types: Path):
    """Nothing is said of templates without a mistake."""
    assert [str(problem) for problem in check(HERE, bicep_types, content)] == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=list(MISTAKES.values()))
def test_every_mistake_is_found(mistake: tuple[str, str, str], bicep_types: Path):
    """One mistake in a template that is right otherwise: it is said."""
    content, right, wrong = mistake
    assert content.count(right) == 1
    said = [str(problem) for problem in check(HERE, bicep_types, content.replace(right, wrong))]
    assert any(MISTAKES[mistake] in line for line in said), said


def test_the_line_is_named(bicep_types: Path):
    """A problem stands where the mistake is."""
    wrong = STORAGE.replace("'StorageV2'", "'StorageV9'")
    line = 1 + wrong[: wrong.index("'StorageV9'")].count("\n")
    assert [problem.line for problem in check(HERE, bicep_types, wrong)] == [line]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("param location = region", "", "needs location"),
        ("param environmentName", "param enviromentName", "takes no enviromentName; did you mean environmentName?"),
        ("param delivery = 'storage_queue'", "param delivery = 'storage_queu'", "did you mean storage_queue?"),
        ("param location = region", "param location = 3", "takes location as string, not int"),
    ],
)
def test_parameters_are_held_to_their_template(bicep_types: Path, right: str, wrong: str, said: str):
    """A parameters file gives what its template takes, and all that it needs."""
    path = ROOT / "infra" / "closed.bicepparam"
    content = path.read_text(encoding="utf-8")
    assert content.count(right) == 1
    found = [str(problem) for problem in check(path, bicep_types, content.replace(right, wrong))]
    assert any(said in line for line in found), found
