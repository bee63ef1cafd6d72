"""Every fault by name: which row of the fault model it belongs to, where it happens, and one sentence of what it does.

Data only. A fault takes `target`, `times`, `rate` and `seed`; what else it takes is named in its sentence.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultKind:
    """row: of the fault model, "F1" to "F20". place: who asks for it. target: what it applies to unless told."""

    row: str
    place: str
    says: str
    target: str = ""


_STATUS, _GRAPH, _DP = "operationstatus", "microsoft.resourcegraph", "microsoft.dataprotection"

FAULTS: dict[str, FaultKind] = {
    # -- an event on its way
    "lose_event": FaultKind("F1", "event", "An event never arrives."),
    "duplicate_event": FaultKind("F1", "event", "An event arrives twice."),
    "reorder_events": FaultKind("F1", "event", "An event arrives 20 to 120 s late, so that others overtake it."),
    "delay_event": FaultKind("F1", "event", "An event arrives `after_s` late, by default within a day."),
    "malform_event": FaultKind("F2", "event", "An event arrives in a wrong `form`; see event_faults.FORMS."),
    # -- the caller dies
    "crash_before": FaultKind("F3", "death", "The caller's process dies before a call reaches Azure."),
    "crash_after": FaultKind("F3", "death", "The caller's process dies after a call was carried out, unanswered."),
    # -- throttled
    "throttle": FaultKind("F4", "refused", "429 with Retry-After in seconds (`retry_after_s`, 5)."),
    "throttle_date": FaultKind("F4", "refused", "429 with Retry-After as an HTTP date (`retry_after_s` from now)."),
    "throttle_zero": FaultKind("F4", "refused", "429 with Retry-After 0."),
    "throttle_huge": FaultKind("F4", "refused", "429 with Retry-After 86400."),
    "throttle_absent": FaultKind("F4", "refused", "429 without Retry-After."),
    "identity_throttle": FaultKind("F4", "refused", "429 FailedIdentityOperation, the time in nested JSON.", _DP),
    "graph_throttle": FaultKind("F4", "refused", "Resource Graph's 429, with its quota headers at 0.", _GRAPH),
    # -- errors of the service, not applied and applied
    "server_error": FaultKind("F5", "refused", "500, nothing done."),
    "bad_gateway": FaultKind("F5", "refused", "502, nothing done."),
    "unavailable": FaultKind("F5", "refused", "503, nothing done."),
    "gateway_timeout": FaultKind("F5", "refused", "504, nothing done."),
    "server_error_applied": FaultKind("F5", "applied", "500 although the call was carried out."),
    "bad_gateway_applied": FaultKind("F5", "applied", "502 although the call was carried out."),
    "unavailable_applied": FaultKind("F5", "applied", "503 although the call was carried out."),
    "gateway_timeout_applied": FaultKind("F5", "applied", "504 although the call was carried out."),
    # -- the connection
    "refuse_connection": FaultKind("F6", "lost", "No connection; nothing done."),
    "reset": FaultKind("F6", "lost", "The connection breaks; nothing done."),
    "reset_applied": FaultKind("F6", "applied", "The connection breaks although the call was carried out."),
    "read_timeout": FaultKind("F6", "lost", "No answer until the client gives up (`wait_s`, 300); nothing done."),
    "read_timeout_applied": FaultKind("F6", "applied", "No answer (`wait_s`, 300), and the call was carried out."),
    # -- the guard against abuse
    "dos_guard": FaultKind("F7", "refused", "400 CloudDosTimeboudLimitReached for `hours` (4) from the first on.", _DP),
    # -- long operations
    "fail_operation": FaultKind("F8", "operation", "A long operation of Azure Backup ends Failed (`code`, `message`)."),
    "fail_validation": FaultKind("F8", "service", "A validation ends Failed (`code`, `message`, `inner`)."),
    "operation_hangs": FaultKind("F8", "operation", "A long operation of Azure Backup never ends."),
    "operation_unknown_status": FaultKind(
        "F8", "altered", "The status of an operation is a word nobody knows.", _STATUS
    ),
    "operation_not_json": FaultKind("F8", "altered", "The status of an operation is a page of HTML.", _STATUS),
    "operation_empty": FaultKind("F8", "altered", "The status of an operation is an empty 200.", _STATUS),
    "operation_not_found": FaultKind("F8", "altered", "The status of an operation is a 404.", _STATUS),
    "operation_no_content": FaultKind("F8", "altered", "The status of an operation is a 204.", _STATUS),
    "operation_no_address": FaultKind("F8", "started", "A long operation starts without saying where to ask for it."),
    "operation_foreign_host": FaultKind("F8", "started", "A long operation's addresses lead to another host."),
    # -- protection
    "fail_protection": FaultKind("F9", "service", "An instance ends in ProtectionError (`code`, `message`, `inner`)."),
    "slow_protection": FaultKind("F9", "service", "An instance is configured `after_s` (600) later than usual."),
    "odd_state": FaultKind("F9", "service", "An instance ends in `state` instead of ProtectionConfigured."),
    # -- Resource Graph
    "graph_stale": FaultKind("F10", "row", "A change of a row is shown `lag_s` (a day) later."),
    "graph_phantom": FaultKind("F10", "row", "A row that is deleted stays for `lag_s` (a day)."),
    "graph_missing": FaultKind("F10", "row", "A row is not shown as long as this waits; `rate` is a share of rows."),
    "graph_duplicate_row": FaultKind("F10", "graph", "The last row of a page comes again on the next."),
    "graph_lost_row": FaultKind("F10", "graph", "A row between two pages is on neither."),
    "graph_page_fails": FaultKind("F10", "graph", "A further page is a 500."),
    "graph_expired_token": FaultKind("F10", "graph", "A skip token is refused."),
    "graph_table": FaultKind("F10", "graph", "The answer is a table although objects were asked for."),
    "graph_truncated": FaultKind("F10", "graph", "One page, resultTruncated, and no skip token."),
    "graph_empty": FaultKind("F10", "graph", "No rows at all, and no error."),
    # -- roles
    "slow_role": FaultKind("F11", "role", "A role works `after_s` (1800) after it was assigned."),
    "role_exists": FaultKind("F11", "role", "409 RoleAssignmentExists."),
    "principal_not_found": FaultKind("F11", "role", "400 PrincipalNotFound."),
    "role_denied": FaultKind("F11", "role", "403: the caller's condition is not fulfilled."),
    "role_revoked": FaultKind("F11", "world", "The role assignments at `on` go away before a call."),
    # -- time
    "clock_skew": FaultKind("F12", "altered", "An answer's Date header is `skew_s` (300) off."),
    "timer_missed": FaultKind("F12", "timer", "A timer does not fire."),
    "timer_early": FaultKind("F12", "timer", "A timer fires `early_s` (5) early too."),
    "timer_late": FaultKind("F12", "timer", "A timer fires `after_s` (600) late, past due."),
    "timer_overlap": FaultKind("F12", "timer", "A timer fires twice at once."),
    # -- queues
    "duplicate_message": FaultKind("F13", "storage", "A message is put twice.", "queue post"),
    "lose_hold": FaultKind("F13", "storage", "A message that was taken is visible again after 1 s.", "queue get"),
    "poison_message": FaultKind("F13", "storage", "A message looks as if it was taken five times.", "queue get"),
    "replay_message": FaultKind(
        "F13", "storage", "A deleted message comes back `after_s` (3600) later.", "queue delete"
    ),
    # -- the world changes before a call; `on` is the id of what changes
    "server_deleted": FaultKind("F14", "world", "The server `on` is gone before a call."),
    "server_recreated": FaultKind("F14", "world", "The server `on` is another one of that name before a call."),
    "server_stopped": FaultKind("F14", "world", "The server `on` is stopped before a call."),
    "server_moved": FaultKind("F14", "world", "The server `on` moved to the group `to` before a call."),
    "server_promoted": FaultKind("F14", "world", "The replica `on` is a server of its own before a call."),
    "server_tagged": FaultKind("F14", "world", "The server `on` has other `tags` before a call."),
    "server_too_large": FaultKind("F14", "row", "The server holds more than 1 TB: its backups fail while this waits."),
    "lock_added": FaultKind("F14", "world", "A lock (`level`, ReadOnly) stands at `on` before a call."),
    "provider_gone": FaultKind("F14", "world", "The provider `namespace` is unregistered in `on` before a call."),
    "vault_deleted": FaultKind("F15", "world", "The vault `on` is gone before a call."),
    "vault_without_identity": FaultKind("F15", "world", "The vault `on` has no identity before a call."),
    "vault_new_identity": FaultKind("F15", "world", "The vault `on` has another principal before a call."),
    "vault_guarded": FaultKind("F15", "world", "The vault `on` has a Resource Guard before a call."),
    "vault_immutable": FaultKind("F15", "world", "The vault `on` is locked immutable before a call."),
    "vault_state": FaultKind("F15", "world", "The vault `on` has the provisioning `state` (Failed) before a call."),
    "policy_deleted": FaultKind("F15", "world", "The policy `on` is gone before a call."),
    "policy_in_use": FaultKind("F15", "refused", "400 UserErrorDppPolicyObjectInUse.", "backuppolicies/delete"),
    "foreign_instance": FaultKind("F16", "world", "Somebody protected the server `on` in `vault` before a call."),
    "soft_deleted_instance": FaultKind("F16", "world", "The server `on` has a soft-deleted instance in `vault`."),
    "instance_deleted": FaultKind("F16", "world", "Somebody deleted the instance `on`, softly, before a call."),
    "instance_state": FaultKind("F16", "world", "The instance `on` is in `state` before a call."),
    # -- jobs
    "fail_backup": FaultKind("F17", "service", "A backup job ends Failed (`code`, `message`)."),
    "late_job": FaultKind("F17", "row", "Lists show a job only `after_s` (3600) after it began."),
    "job_twice": FaultKind("F17", "row", "Lists show a job twice."),
    "job_odd_case": FaultKind("F17", "row", "Lists show a job's id in capitals."),
    "job_turns": FaultKind("F17", "service", "A job that ended well turns Failed `after_s` (3600) later."),
    "jobs_paged": FaultKind("F17", "jobs", "A list of jobs comes in pages of `page` (2)."),
    # -- where alerts go
    "sink_down": FaultKind("F18", "refused", "The alert topic answers 503.", "grid publish"),
    "sink_slow": FaultKind("F18", "applied", "The alert topic takes an event and answers too late.", "grid publish"),
    "sink_error_body": FaultKind("F18", "altered", "The alert topic answers 200 with an error in it.", "grid publish"),
    # -- what the app remembers
    "store_lost": FaultKind("F19", "storage", "The tables are empty before a call.", "table"),
    "store_rolled_back": FaultKind("F19", "storage", "The tables are as they were `after_s` (3600) ago.", "table"),
    "store_conflict": FaultKind("F19", "storage", "412: somebody else changed the row.", "table"),
    "two_workers": FaultKind("F19", "storage", "A message that was taken stays visible for others.", "queue get"),
    # -- identity
    "token_expired": FaultKind("F20", "refused", "401 ExpiredAuthenticationToken.", "microsoft."),
    "identity_down": FaultKind("F20", "identity", "The identity endpoint hands out no token."),
}


def of_place(*places: str) -> tuple[str, ...]:
    """The names of the faults that happen at one of these places."""
    return tuple(name for name, kind in FAULTS.items() if kind.place in places)
