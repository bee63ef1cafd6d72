"""Errors: every way in which Azure says no becomes one value with code, message, wait and doubt."""

import json
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from hypothesis import given
from hypothesis import strategies as st

from shared.cloud.errors import LONGEST_RETRY_AFTER_S, CloudError, read_date, read_error, retry_after_s, translated
from tests.core.samples import NOW, json_values
from tests.shared.answers import Answer

DATE = "Mon, 23 Nov 2026 12:00:00 GMT"


def failed(answer: Answer | Exception) -> CloudError:
    """What a failed call raises."""
    cause = answer if isinstance(answer, Exception) else HttpResponseError(response=answer)
    with pytest.raises(CloudError) as caught, translated():
        raise cause
    return caught.value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("999999999", LONGEST_RETRY_AFTER_S),
        ("9" * 400, LONGEST_RETRY_AFTER_S),
        ("Mon, 23 Nov 2026 12:00:41 GMT", 41.0),
        ("Mon, 23 Nov 2026 11:59:00 GMT", 0.0),
        ("Mon, 23 Nov 2099 12:00:00 GMT", LONGEST_RETRY_AFTER_S),
        ("Mon, 23 Nov 99999999999999999999 12:00:00 GMT", None),
        ("soon", None),
        ("", None),
        ("nan", 0.0),
        ("2026-11-23T12:00:41Z", None),
    ],
)
def test_retry_after(text: str, seconds: float | None):
    """Seconds and dates are read, what is past is now, what is too long is six hours, and nonsense is nothing."""
    assert retry_after_s({"Retry-After": text, "Date": DATE}) == seconds
    assert retry_after_s({"retry-after": text, "date": DATE}) == seconds


def test_retry_after_without_a_date():
    """A date cannot be counted from nothing; and no header is no wait."""
    assert retry_after_s({"Retry-After": DATE}) is None
    assert retry_after_s({"Date": DATE}) is None


@given(st.text(), st.text())
def test_no_header_raises(text: str, date: str):
    """Whatever the headers say, the wait is nothing, or a number from zero to six hours."""
    seconds = retry_after_s({"Retry-After": text, "Date": date})
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_S


@pytest.mark.parametrize("text", ["", "yesterday", "23 Nov", "Mon, 23 Nov 99999999999999999999 12:00:00 GMT"])
def test_a_date_that_is_none(text: str):
    """Azure's clock does not move for a date that cannot be read."""
    assert read_date({"Date": text}) is None
    assert read_date({"Date": DATE}) == NOW


HIDDEN = {
    "info": {"innerError": {"additionalInfo": {"DetailedNonLocalisedMessage": "The client\r\n lacks a role"}}},
}

DENIED = {"type": "PolicyViolation", "info": {"policyAssignmentName": "t1", "policyAssignmentDisplayName": "Tags"}}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "AuthorizationFailed", "message": "no"}}, "AuthorizationFailed", "no"),
        ({"error": {"code": "X", "message": "out", "additionalInfo": [HIDDEN]}}, "X", "out The client lacks a role"),
        ({"error": {"code": "X", "message": "no", "additionalInfo": [DENIED]}}, "X", "policy assignment 'Tags': no"),
        ({"error": {"code": "X", "message": "m" * 5000}}, "X", "m" * 1000),
        ({"error": {"code": None, "message": None}}, "", ""),
        ({"error": "text"}, "", ""),
        ({"error": None}, "", ""),
        ({}, "", ""),
        ([], "", ""),
        (None, "", ""),
        ("<html>", "", ""),
    ],
)
def test_bodies(body: Any, code: str, message: str):
    """Code and message are read from the body; where the cause is hidden inside, it is brought out."""
    assert read_error(body) == (code, message)


bent = st.fixed_dictionaries(
    {},
    optional={
        "code": json_values,
        "message": json_values,
        "additionalInfo": json_values | st.lists(json_values | st.fixed_dictionaries({"info": json_values})),
    },
)


@given(json_values | st.fixed_dictionaries({"error": bent | json_values}))
def test_no_body_raises(body: Any):
    """Any JSON is an error body with two texts."""
    assert [type(word) for word in read_error(body)] == [str, str]


@pytest.mark.parametrize(
    ("status", "may_have_happened"),
    [(400, False), (403, False), (404, False), (409, False), (429, False), (408, True), (500, True), (503, True)],
)
def test_what_may_have_happened(status: int, *, may_have_happened: bool):
    """A clear no changed nothing; after a lost or broken answer nobody knows."""
    error = failed(Answer(status, {"error": {"code": "C", "message": "m"}}, {"Retry-After": "3"}))
    assert (error.code, error.message, error.status, error.retry_after_s) == ("C", "m", status, 3.0)
    assert error.may_have_happened == may_have_happened


@pytest.mark.parametrize("body", ["", "<html>502</html>", "[1]", "\x00", '{"error": {"additionalInfo": 7}}'])
def test_an_answer_without_an_error_body(body: str):
    """Whatever came instead of an error, the status is the code and the call counts as doubtful."""
    error = failed(Answer(502, body))
    assert (error.code, error.status, error.may_have_happened) == ("HTTP502", 502, True)


def test_the_guard_against_floods_is_obeyed():
    """The service says "retry after few hours" without a header; then it is two hours."""
    assert failed(Answer(400, {"error": {"code": "CloudDosTimeboudLimitReached"}})).retry_after_s == 7200


@pytest.mark.parametrize(
    ("cause", "may_have_happened"),
    [
        (ServiceRequestError("no connection"), False),
        (ServiceResponseError("cut off"), True),
        (IncompleteReadError("half an answer"), True),
        (AzureError("something"), True),
    ],
)
def test_a_broken_line(cause: Exception, *, may_have_happened: bool):
    """Without a connection nothing was sent; after a lost answer it may have happened."""
    error = failed(cause)
    assert (error.code, error.may_have_happened, error.status) == (type(cause).__name__, may_have_happened, 0)


def test_an_answer_that_is_no_json():
    """A page of HTML where JSON should be is Azure's doing, and worth asking again."""
    with pytest.raises(CloudError, match="UnreadableAnswer"), translated():
        json.loads("<html>")


def test_a_bug_is_not_translated():
    """What is not Azure's doing gets out as it is."""
    with pytest.raises(KeyError), translated():
        raise KeyError
