"""Error codes, sorted by what helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.failures import Cause, classify


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("UserErrorMissingRequiredPermissions", Cause.PERMISSION),
        ("AuthorizationFailed", Cause.PERMISSION),
        ("LinkedAuthorizationFailed", Cause.PERMISSION),
        ("PostgreSQLFlexServerError", Cause.TRANSIENT),
        ("ServerNotReadyForLongTermBackup", Cause.TRANSIENT),
        ("InternalServerError", Cause.TRANSIENT),
        ("PrincipalNotFound", Cause.TRANSIENT),
        ("ResourceNotFound", Cause.GONE),
        ("ResourceGroupNotFound", Cause.GONE),
        ("CloudDosTimeboudLimitReached", Cause.QUOTA),
        ("TooManyRequests", Cause.QUOTA),
        ("SubscriptionRequestsThrottled", Cause.QUOTA),
        ("UserErrorMaxConcurrentOperationLimitReached", Cause.CONFLICT),
        ("BMSUserErrorConflictingProtectionOperation", Cause.CONFLICT),
        ("UserErrorDppPolicyObjectInUse", Cause.CONFIGURATION),
        ("DppPluginInvalidInputParameters", Cause.CONFIGURATION),
        ("NobodyKnowsThisOne", Cause.TRANSIENT),
        ("", Cause.TRANSIENT),
    ],
)
def test_codes(code: str, cause: Cause):
    """A known code helps as the guide says, one of a known kind as its name says, and any other is waited out."""
    assert classify(code) is cause
    assert classify(code.upper()) is cause


@given(st.text())
def test_every_code_has_one_cause(code: str):
    """No code, however odd, makes it raise or answer anything but a cause."""
    assert classify(code) in Cause
