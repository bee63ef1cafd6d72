"""Telemetry: no line of the app is sampled away, none is filtered out, and the host speaks OpenTelemetry on demand."""

import json

from tests.infra.bicep_file import members, read, text, unwrapped
from tests.tidy.tree import ROOT

LOGGING = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]
APP = read(ROOT / "infra" / "modules" / "app.bicep")


def test_no_decision_is_sampled_away():
    """The app's lines are traces of Application Insights, and exceptions its failures: neither type is sampled."""
    sampling = LOGGING["applicationInsights"]["samplingSettings"]
    assert {"Trace", "Exception"} <= set(sampling["excludedTypes"].split(";"))


def test_no_decision_is_filtered_out():
    """Lines are written at the level Information, and no category of the host asks for more than that."""
    assert set(LOGGING["logLevel"].values()) == {"Information"}


def test_requests_are_counted_by_weight():
    """Requests may be sampled: each row stands for ItemCount of them, and who counts them adds that up."""
    for path in (ROOT / "infra" / "queries").glob("*.kql"):
        query = path.read_text(encoding="utf-8")
        assert "AppRequests" not in query or ("sum(ItemCount)" in query and "count()" not in query), path.name


def test_opentelemetry_is_a_choice():
    """The host speaks it, and samples nothing, when the parameter says so; by default it does not."""
    chosen = unwrapped(APP.symbols["openTelemetrySettings"].value)
    assert "AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry'" in text(chosen)
    assert "OTEL_TRACES_SAMPLER: 'always_on'" in text(chosen)
    assert text(read(ROOT / "infra" / "main.bicep").symbols["openTelemetry"].value) == "false"
    assert "telemetryMode" not in json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    site = members(unwrapped(APP.symbols["app"].value))
    assert "openTelemetrySettings, otlpSettings" in text(site["properties"][1])
