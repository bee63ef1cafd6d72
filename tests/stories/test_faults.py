"""Azure answers late, wrongly or not at all: the app looks again later, and never does twice what may be done once."""

import pytest
from azure.core.pipeline.transport import HttpTransport
from conftest import JOBS, happy

BACKUP = "microsoft.dataprotection/backupvaults/backupinstances/backup/action"
WRITES = {
    "policy": "backuppolicies/write",
    "role": "roleassignments/write",
    "validate": "validateforbackup/action",
    "protect": "backupinstances/write",
    "backup": "backupinstances/backup/action",
}
READS = {
    "server": "flexibleservers/read",
    "instances": "dataprotection/backupinstances/read",
    "vault": "backupvaults/read",
    "policies": "backuppolicies/read",
    "roles": "roleassignments/read",
    "operation": "operationstatus/read",
    "points": "recoverypoints/read",
    "job": "backupjobs/read",
}


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "unavailable_applied", "reset", "reset_applied"])
@pytest.mark.parametrize("action", [*WRITES.values(), *READS.values()], ids=[*WRITES, *READS])
def test_any_call_may_fail_and_the_world_ends_the_same(estate, action, kind):
    """Throttled, refused, or lost before or after it was carried out: one instance, one policy, one backup."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add(kind, action)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3 * 3600)
    assert happy(world.state_of(server))
    assert world.azure.world.faults.waiting == []


def test_a_lost_answer_never_leads_to_a_second_backup(estate):
    """The POST that starts a backup is sent once, though its answer is lost; the service's jobs tell that it runs."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("reset_applied", BACKUP)
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3 * 3600)
    posts = [call for call in world.app_calls(mark) if call.operation.lower() == BACKUP]
    assert len(posts) == 1
    assert len(world.of_type(JOBS)) == 1
    assert world.row(server).verdict == "protected"


def test_a_lost_request_is_repeated_only_after_the_jobs_were_looked_at(estate):
    """Where the POST never arrived, a second one follows, at least two minutes later and after a look at the jobs."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("reset", BACKUP)
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3 * 3600)
    calls = world.app_calls(mark)
    posts = [index for index, call in enumerate(calls) if call.operation.lower() == BACKUP]
    between = [call.operation.lower() for call in calls[posts[0] : posts[1]]]
    assert len(posts) == 2
    assert (calls[posts[1]].at - calls[posts[0]].at).total_seconds() >= 120
    assert "microsoft.dataprotection/backupvaults/backupjobs/read" in between
    assert happy(world.state_of(server))


def test_no_request_before_retry_after_has_passed(estate):
    """Azure says when to come back, and for this server nothing is asked before."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("throttle", "flexibleservers/read", retry_after_s=600)
    world.tag(server, backup_tier="gold")
    world.run(seconds=1)
    refused = world.azure.now
    mark = len(world.azure.log)
    world.run(seconds=3600)
    calls = [call for call in world.app_calls(mark) if "backupJobs" not in call.path]
    assert (calls[0].at - refused).total_seconds() >= 598
    assert happy(world.state_of(server))


def test_after_a_day_of_errors_it_is_said_aloud(estate):
    """A server that Azure does not let us look at for a day is blocked_azure_unreachable, with Azure's words."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("unavailable", "flexibleservers/read", times=10_000)
    world.tag(server, backup_tier="gold")
    world.run(seconds=26 * 3600)
    row = world.row(server)
    assert row.verdict == "blocked_azure_unreachable"
    assert "ServiceUnavailable" in row.reason
    assert len([call for call in world.app_calls() if "/pg-one" in call.path]) < 200


def test_a_role_that_is_late_is_waited_for(estate):
    """Roles that take ten minutes to work cost time, and nothing else."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("fail_validation", server, times=3, code="UserErrorMissingRequiredPermissions")
    world.tag(server, backup_tier="gold")
    world.run(seconds=2 * 3600)
    assert happy(world.state_of(server))


def test_roles_that_never_work_are_reported(estate):
    """After forty minutes of refusals the verdict says that the roles do not work; then only the sweep tries again."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("fail_validation", server, times=1000, code="UserErrorMissingRequiredPermissions")
    world.tag(server, backup_tier="gold")
    world.run(seconds=4 * 3600)
    row = world.row(server)
    assert row.verdict == "blocked_roles_ineffective"
    assert "UserErrorMissingRequiredPermissions" in row.reason
    mark = len(world.azure.log)
    world.run(seconds=4 * 3600)
    assert len([call for call in world.app_calls(mark) if "/validateForBackup" in call.path]) == 4


def test_an_app_that_may_not_assign_roles_says_who_can(estate):
    """Without the right to assign roles the verdict names what Azure refused, and nothing was made."""
    world = estate(grant_app=False)
    server = world.ready_server()
    world.tag(server, backup_tier="gold")
    world.run(seconds=3600)
    row = world.row(server)
    assert row.verdict == "blocked_cannot_assign_roles"
    assert "Microsoft.Authorization/roleAssignments/write" in row.reason
    assert world.state_of(server)["instances"] == []


class Misleading(HttpTransport):
    """Changes the operation URLs of Azure's answers, so that they lead to somebody else's host."""

    def __init__(self, inner):
        self.inner, self.hosts = inner, set()

    def send(self, request, **options):
        self.hosts.add(request.url.split("/")[2])
        answer = self.inner.send(request, **options)
        for name in ("azure-asyncoperation", "location"):
            if name in answer.headers:
                answer.headers[name] = answer.headers[name].replace("management.azure.com", "evil.example")
        return answer

    def sleep(self, duration):
        self.inner.sleep(duration)

    def open(self): ...

    def close(self): ...

    def __exit__(self, *_): ...


def test_an_operation_url_on_a_foreign_host_is_refused(estate):
    """Our token does not follow a link to another host; the server is looked at again later, and it is written down."""
    world = estate(wrap=Misleading)
    server = world.ready_server()
    world.tag(server, backup_tier="gold")
    world.run(seconds=1800)
    assert world._transport.hosts <= {
        "management.azure.com",
        "flexguard.queue.core.windows.net",
        "flexguard.table.core.windows.net",
        "flexguard.blob.core.windows.net",
    }
    assert "ForeignHost" in world.row(server).reason


def test_a_validation_that_fails_for_no_fault_of_ours_is_repeated(estate):
    """An internal error of the service is waited out; it is no verdict on the server."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("fail_validation", server, times=2)
    world.tag(server, backup_tier="gold")
    world.run(seconds=2 * 3600)
    assert happy(world.state_of(server))
