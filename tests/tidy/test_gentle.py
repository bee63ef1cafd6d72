"""Nothing in the product deletes, stops or suspends: no call, no verb, no right."""

import ast
import re

import pytest

from shared.cloud.rights import APP_ACTIONS, GRANTER_ACTIONS
from tests.tidy.tree import PRODUCT, modules, parsed

FORBIDDEN = {
    "delete",
    "stop",
    "suspend",
    "purge",
    "remove",
    "disable",
    "terminate",
    "cancel",
    "destroy",
    "drop",
    "wipe",
}


def taken(tree: ast.AST) -> list[tuple[int, str]]:
    """Every attribute, HTTP verb and name in a text constant that could take something away, with its line."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and FORBIDDEN & set(node.attr.lower().split("_")):
            found.append((node.lineno, node.attr))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_verb = node.value == "DELETE"
            is_method = re.fullmatch(r"(begin_)?[a-z]+(_[a-z]+)+", node.value) and FORBIDDEN & set(
                node.value.split("_")
            )
            is_right = re.search(r"Microsoft\.\w+/(\S*/)?(delete|stop\w*|suspend\w*|\*)(/action)?$", node.value)
            if is_verb or is_method or is_right:
                found.append((node.lineno, node.value))
    return found


def test_nothing_takes_anything_away():
    """No module of the product calls, names or asks for the right to anything that deletes, stops or suspends."""
    found = [(path.name, name) for path in modules(*PRODUCT) for _, name in taken(parsed(path))]
    assert found == [("queue.py", "DELETE")]  # a poison message that was kept and told: it is the app's own


@pytest.mark.parametrize(
    "line",
    [
        "client.backup_instances.begin_delete(group, vault, name)",
        "client.backup_instances.begin_stop_protection(group, vault, name)",
        "client.backup_instances.begin_suspend_backups(group, vault, name)",
        "client.backup_policies.delete(group, vault, name)",
        "table.delete_entity(partition, row)",
        "getattr(client, 'begin_delete')(name)",
        "HttpRequest('DELETE', url)",
        "RIGHTS = {'Microsoft.DataProtection/backupVaults/backupInstances/delete': ''}",
        "RIGHTS = {'Microsoft.DataProtection/*': ''}",
        "RIGHTS = {'Microsoft.DataProtection/backupVaults/backupInstances/stopProtection/action': ''}",
    ],
)
def test_the_walk_would_notice(line: str):
    """Each way of taking something away is found."""
    assert taken(ast.parse(line))


@pytest.mark.parametrize(
    "line", ["x.stopped_states", "journal.record('event_dropped')", "HttpRequest('PUT', url)", "x.lower()"]
)
def test_the_walk_lets_the_rest_be(line: str):
    """What only sounds like it is not found."""
    assert taken(ast.parse(line)) == []


def test_rights_only_read_and_make():
    """The app's rights are reads, writes and five actions, none with a wildcard."""
    actions = {action for action in {*APP_ACTIONS, *GRANTER_ACTIONS} if not action.endswith(("/read", "/write"))}
    assert actions == {
        "Microsoft.DataProtection/backupVaults/validateForBackup/action",
        "Microsoft.DataProtection/backupVaults/backupInstances/backup/action",
        "Microsoft.DataProtection/backupVaults/backupInstances/sync/action",
        "Microsoft.DataProtection/backupVaults/backupInstances/resumeProtection/action",
        "Microsoft.DataProtection/backupVaults/deletedBackupInstances/undelete/action",
    }
    assert not any("*" in action for action in {*APP_ACTIONS, *GRANTER_ACTIONS})
