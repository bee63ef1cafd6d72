"""What a served local Azure says when it is ready: where everything is, and the environment of an app that uses it."""

from pathlib import Path

from simulator.directory import MSI
from simulator.face.control import PREFIX
from simulator.face.places import ACCOUNT
from simulator.wire import Json


def ready_line(ports: dict[str, int], ca: Path, identity_header: str, principal: str) -> Json:
    """The one line on standard output. `environment` is what Azure's own settings and the app's would be."""
    at = {name: f"https://localhost:{port}" for name, port in ports.items()}
    # By number: azure-data-tables takes a localhost with a strange port for Cosmos DB and writes other requests.
    storage = {kind: f"https://127.0.0.1:{ports[kind]}/{ACCOUNT}" for kind in ("queue", "table", "blob")}
    topic, identity = f"{at['topic']}/api/events", f"http://127.0.0.1:{ports['identity']}{MSI}"
    environment = {
        "FLEXGUARD_ARM_ENDPOINT": at["arm"],
        "FLEXGUARD_ARM_SCOPE": "https://management.azure.com/.default",
        "FLEXGUARD_STORAGE_SCOPE": "https://storage.azure.com/.default",
        "FLEXGUARD_ALERT_TOPIC": topic,
        **{f"AzureWebJobsStorage__{kind}ServiceUri": where for kind, where in storage.items()},
        "IDENTITY_ENDPOINT": identity,
        "IDENTITY_HEADER": identity_header,
        "REQUESTS_CA_BUNDLE": str(ca),
        "SSL_CERT_FILE": str(ca),
    }
    return {
        "ready": True,
        "arm": at["arm"],
        **storage,
        "topic": topic,
        "identity": identity,
        "control": f"{at['arm']}{PREFIX}",
        "ca": str(ca),
        "principal": principal,
        "environment": environment,
    }
