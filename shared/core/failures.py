"""Sorts error codes by what helps: waiting, a role, a person. One table, because the service's own flags are no help.

Source: isRetryable and isUserError were false in every recorded failure, also in plain permission errors and plain
internal ones. Codes from the troubleshooting guides and recordings.
"""

from enum import StrEnum


class Cause(StrEnum):
    """What an error code is about."""

    TRANSIENT = "transient"  # the service had a bad moment: wait
    PERMISSION = "permission"  # a role is missing, or not effective yet
    CONFIGURATION = "configuration"  # a person must change something
    CONFLICT = "conflict"  # something else is going on: look again
    QUOTA = "quota"  # too much was asked: wait longer
    GONE = "gone"  # it does not exist any more


# Codes with which the service says that the server has a backup instance already.
TAKEN = frozenset({"usererrordppdatasourcealreadyhasbackupinstance", "usererrordppdatasourcealreadyprotected"})
_KNOWN = {
    "postgresqlflexservererror": Cause.TRANSIENT,
    "servernotreadyforlongtermbackup": Cause.TRANSIENT,
    "operationneverended": Cause.TRANSIENT,  # ours: an operation that ran for hours
    "operationnotfound": Cause.TRANSIENT,  # ours: an operation that the service has forgotten
    "clouddostimeboudlimitreached": Cause.QUOTA,  # spelt so by the service
    **dict.fromkeys(TAKEN, Cause.CONFLICT),
    "stateunchanged": Cause.TRANSIENT,  # ours: an operation that ended well and changed nothing
    "usererrormaxconcurrentoperationlimitreached": Cause.CONFLICT,
    "bmsusererrorconflictingprotectionoperation": Cause.CONFLICT,
    "principalnotfound": Cause.TRANSIENT,
}
# For codes that nobody has listed: what their names say, the first match wins.
_WORDS = (
    (("permission", "authorization"), Cause.PERMISSION),
    (("notfound",), Cause.GONE),
    (("inprogress", "conflict"), Cause.CONFLICT),
    (("limit", "throttl", "toomany"), Cause.QUOTA),
    (("usererror", "backupagentplugin", "invalid"), Cause.CONFIGURATION),
)


def is_decision(code: str) -> bool:
    """Whether a refused call stays refused until something changes, so that repeating it as it is is no use.

    A code that nobody knows is none: it counts as a bad moment.
    """
    return classify(code) in (Cause.CONFIGURATION, Cause.PERMISSION) or code.lower() in TAKEN


def classify(code: str) -> Cause:
    """Say what would help against an error code. An unknown one counts as transient: looking again does no harm."""
    name = code.lower()
    if name in _KNOWN:
        return _KNOWN[name]
    return next((cause for words, cause in _WORDS if any(word in name for word in words)), Cause.TRANSIENT)
