"""Error codes, sorted by what helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.failures import FAILURES, Cause, classify, explain


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
        ("UserErrorDppPolicyObjectInUse", Cause.CONFLICT),
        ("DppPluginInvalidInputParameters", Cause.CONFIGURATION),
        ("NobodyKnowsThisOne", Cause.TRANSIENT),
        ("", Cause.TRANSIENT),
    ],
)
def test_codes(code: str, cause: Cause):
    """A known code helps as the guide says, one of a known kind as its name says, and any other is waited out."""
    assert classify(code) is cause
    assert classify(code.upper()) is cause


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (("PostgreSQLFlexServerError", "InternalServerError"), "failed to make the backup"),
        (("InternalServerError", "AuthorizationFailed"), "lacks a role"),
        (("SERVERNOTREADYFORLONGTERMBACKUP",), "was not ready"),
        (("InternalServerError",), "the database service failed"),
        (("PostgreSQLFlexOperationFailedUserError", "ResourceGroupNotFound"), "resource group is gone"),
        (("SomethingElse", "ResourceNotFound", "NoInnerErrorFrom1PException"), "the server is gone"),
        (("PostgreSQLFlexOperationFailedUserError", "NeverHeardOf", "InternalServerError"), "know (NeverHeardOf)"),
        (("Outer", "Inner"), "know (Inner)"),
        ((), "no cause"),
    ],
)
def test_the_most_specific_known_code_is_explained(codes: tuple[str, ...], said: str):
    """The innermost known code says what happened; one that only wraps gives way, and an unknown one is said so."""
    failure = explain(codes)
    assert said in failure.words
    assert failure.fix
    assert failure.is_known == ("know (" not in failure.words and bool(codes))


@pytest.mark.parametrize("code", FAILURES)
def test_every_row_says_what_to_do(code: str):
    """Each known code has words, a next step, and no link but a web page; it is found in any case."""
    failure = FAILURES[code]
    assert failure.words
    assert failure.fix
    assert failure.link == "" or failure.link.startswith("https://")
    assert classify(failure.code.upper()) is failure.cause


@given(st.lists(st.text()))
def test_any_codes_are_explained(codes: list[str]):
    """No codes make it raise, or say nothing."""
    assert explain(codes).words


@given(st.text())
def test_every_code_has_one_cause(code: str):
    """No code, however odd, makes it raise or answer anything but a cause."""
    assert classify(code) in Cause
