"""Keep evidence: once a day, into a container that lets nobody change it. What is there is never written again."""

import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from shared import heartbeat, journal
from shared.cloud import evidence_container
from shared.cloud.clients import Cloud
from shared.core.estate import Scope
from shared.core.rules import Rules
from shared.dossier.files import write
from shared.dossier.model import Manifest
from shared.evidence import Evidence, gather
from shared.ledger import Ledger

_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name


def keep_evidence(cloud: Cloud, ledger: Ledger, rules: Rules) -> str:
    """Keep the evidence of today in its container; the digest of its manifest, "" when there was nothing to do.

    What is there is never written again. Raises CloudError.
    """
    last = ledger.watched(heartbeat.EVIDENCE)  # which tells the time, too
    today, digest = cloud.now.date(), ""
    if cloud.settings.evidence_container and not evidence_container.has(cloud, today):
        settings = cloud.settings
        scope = Scope(settings.subscriptions, tuple(sorted(settings.management_groups)))
        found = gather(cloud, ledger, rules, scope, pause=cloud.transport.sleep)
        content, manifest, digest = zipped(found)
        if evidence_container.keep(cloud, today, content):
            _report(manifest, digest)
    heartbeat.beat(heartbeat.EVIDENCE, cloud, ledger, last)
    return digest


def _report(manifest: Manifest, digest: str) -> None:
    head = manifest.evidence
    journal.record(
        "evidence_kept",
        level=logging.WARNING if head.missing else logging.INFO,
        manifest=digest,
        protected=head.coverage.part,
        eligible=head.coverage.whole,
        missing=len(head.missing),
    )


@dataclass(frozen=True)
class _Archive:
    """A place in a zip, the same bytes for the same evidence."""

    archive: zipfile.ZipFile

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        entry = zipfile.ZipInfo(name, _ZIPPED_AT)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self.archive.open(entry, "w") as file:
            yield file


def zipped(found: Evidence) -> tuple[bytes, Manifest, str]:
    """The evidence as one zip, its manifest, and the manifest's digest."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        manifest, digest = write(_Archive(archive), found.head, found.tables)
    return buffer.getvalue(), manifest, digest
