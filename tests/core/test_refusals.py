"""Refusals of Azure: what is said of them, and when they are tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import incidents
from shared.core.failures import is_decision
from shared.core.observed import Memory, Running
from shared.core.refusals import answer, explained
from shared.core.verdict import Kind, Verdict
from tests.core.samples import NOW, RULES, SUBSCRIPTION, observed, server

OWN = ("AuthorizationFailed", "does not have authorization to perform action 'x/read' over scope '/s'")


@given(st.sampled_from(("AuthorizationFailed", "ScopeLocked", "RequestDisallowedByPolicy", OWN[0])) | st.text(),
       st.text())  # fmt: skip
def test_no_refusal_raises(code: str, message: str):
    """Whatever Azure says is nothing that is known, or a verdict with a reason and a next step."""
    verdict = explained(code, message, SUBSCRIPTION)
    assert verdict is None or (verdict.reason and verdict.fix)


def test_the_end_of_an_operation_is_about_the_vaults_identity():
    """The same code is the app's own fault in the answer to a call, and the vault's in the end of an operation."""
    called = explained(*OWN)
    assert called
    assert called.kind is Kind.APP_RIGHTS
    ended, actions = answer(Running("validate", "", NOW, "failed", OWN), observed(), RULES, Kind.VALIDATION_FAILED)
    assert ended.kind is Kind.WAITING_FOR_ROLES
    assert actions


def test_who_is_to_do_what_is_in_the_fix():
    """The fix names the missing action and where, or the command that registers the provider."""
    right = explained(*OWN)
    assert right
    assert "give the app's identity x/read at /s" in right.fix
    provider = explained("MissingSubscriptionRegistration", "to use namespace 'Microsoft.X'.", SUBSCRIPTION)
    assert provider
    assert f"az provider register --namespace Microsoft.X --subscription {SUBSCRIPTION}" in provider.fix


def test_every_assignment_of_azure_policy_is_named_once():
    """The names stand in the message in two forms: each is told once."""
    text = (
        "policy assignment 'Tags': Resource 'x' was disallowed by policy. Policy identifiers: "
        '\'[{"policyAssignment":{"name":"Tags","id":"1"}},{"policyAssignment":{"name":"Regions","id":"2"}}]\'.'
    )
    verdict = explained("RequestDisallowedByPolicy", text)
    assert verdict
    assert verdict.reason == "Azure Policy denies it: Tags, Regions"


@pytest.mark.parametrize(
    ("code", "decided"),
    [
        ("BMSUserErrorInvalidInput", True),
        ("UserErrorMissingRequiredPermissions", True),
        ("UserErrorDppDatasourceAlreadyHasBackupInstance", True),
        ("UserErrorResourceGuardOperationRequestMissing", True),
        ("BMSUserErrorConflictingProtectionOperation", False),
        ("CloudDosTimeboudLimitReached", False),
        ("NobodyKnowsThisOne", False),
    ],
)
def test_what_is_decided_is_not_repeated(code: str, *, decided: bool):
    """A refusal that only a change can end is no bad moment; another one, and one that nobody knows, is."""
    assert is_decision(code) == decided


def test_after_a_day_waiting_is_over():
    """A refusal that waiting may end is answered for a day by waiting, then by what it is for a person."""
    ended = Running("sync", "", NOW, "failed", ("CloudInternalError", "internal"))
    day = observed(memory=Memory(refused_since=NOW.replace(day=NOW.day - 1)))
    assert answer(ended, day, RULES, Kind.PROTECTION_ERROR)[0].kind is Kind.PROTECTION_ERROR
    assert answer(ended, observed(), RULES, Kind.PROTECTION_ERROR)[0].kind is Kind.CONFIGURING


def test_one_incident_for_each_kind_and_subscription():
    """Two servers of a subscription share the incident; a verdict that is no refusal is none."""
    locked = Verdict.of(Kind.SCOPE_LOCKED, "a lock forbids it")
    one, two = (incidents.refused(locked, found.id, NOW) for found in (server(), server()))
    assert one
    assert two
    assert (one.key, one.id) == (two.key, two.id)
    other = incidents.refused(Verdict.of(Kind.PROVIDER, "not registered"), server().id, NOW)
    assert other
    assert other.key != one.key
    assert incidents.refused(Verdict.of(Kind.DRIFTED, "drifted"), server().id, NOW) is None
