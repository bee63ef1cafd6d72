"""The lease of one blob: who may write it, and until when. Knows no HTTP; a lease has no clock.

**Source**: Microsoft's REST reference, "Lease Blob" (outcomes of lease operations by lease state, error codes).
Assumed: a lease is broken at once, without a break period.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.storage.refusals import StorageError

FOREVER_S = -1
SHORTEST_S, LONGEST_S = 15, 60


@dataclass
class Lease:
    """id "" stands for no lease; ends None for one without end."""

    id: str = ""
    duration_s: int = 0
    ends: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether somebody holds it."""
        return bool(self.id) and (self.ends is None or now < self.ends)

    def state(self, now: datetime) -> dict[str, str]:
        """Its headers in answers."""
        if self.active(now):
            kind = "infinite" if self.ends is None else "fixed"
            return {"x-ms-lease-state": "leased", "x-ms-lease-status": "locked", "x-ms-lease-duration": kind}
        return {"x-ms-lease-state": "expired" if self.id else "available", "x-ms-lease-status": "unlocked"}

    def acquire(self, lease_id: str, duration_s: int, now: datetime) -> None:
        """Take it. Raises StorageError 409 when somebody else holds it."""
        if duration_s != FOREVER_S and not SHORTEST_S <= duration_s <= LONGEST_S:
            words = "The value for one of the HTTP headers is not in the correct format."
            raise StorageError(400, "InvalidHeaderValue", words, HeaderName="x-ms-lease-duration")
        if self.active(now) and self.id != lease_id:
            raise StorageError(409, "LeaseAlreadyPresent", "There is already a lease present.")
        self.id, self.duration_s = lease_id, duration_s
        self._extend(now)

    def renew(self, lease_id: str, now: datetime) -> None:
        """Start its time again, also of one that ended and that nobody took since."""
        self._require(lease_id)
        self._extend(now)

    def change(self, lease_id: str, proposed: str, now: datetime) -> None:
        """Give it another id."""
        if not self.active(now):
            raise StorageError(409, "LeaseNotPresentWithLeaseOperation", "There is currently no lease on the blob.")
        if self.id not in (lease_id, proposed):
            self._require(lease_id)
        self.id = proposed

    def release(self, lease_id: str) -> None:
        """Give it back."""
        self._require(lease_id)
        self.clear()

    def clear(self) -> None:
        """End it, whoever holds it."""
        self.id, self.duration_s, self.ends = "", 0, None

    def require_write(self, lease_id: str, now: datetime) -> None:
        """Raises StorageError 412 unless who shows this lease id ("" for none) may write."""
        held = self.active(now)
        if held and not lease_id:
            words = "There is currently a lease on the blob and no lease ID was specified in the request."
            raise StorageError(412, "LeaseIdMissing", words)
        if held and lease_id != self.id:
            words = "The lease ID specified did not match the lease ID for the blob."
            raise StorageError(412, "LeaseIdMismatchWithBlobOperation", words)
        if lease_id and not held:
            words = "There is currently no lease on the blob."
            raise StorageError(412, "LeaseNotPresentWithBlobOperation", words)

    def _require(self, lease_id: str) -> None:
        if not self.id or self.id != lease_id:
            words = "The lease ID specified did not match the lease ID for the blob."
            raise StorageError(409, "LeaseIdMismatchWithLeaseOperation", words)

    def _extend(self, now: datetime) -> None:
        self.ends = None if self.duration_s == FOREVER_S else now + timedelta(seconds=self.duration_s)
