"""A ledger in memory, as strict about versions as the real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from shared.core.incidents import Incident
from shared.ledger import Approval, Changed, Kept, ServerRow, Started, Watched, Window


@dataclass
class MemoryLedger:
    """Implements `shared.ledger.Ledger`: every write names the version that it read, and gets a new one."""

    servers: dict[str, Kept[ServerRow]] = field(default_factory=dict)
    told: dict[str, Kept[Incident]] = field(default_factory=dict)
    seen: dict[str, Kept[Watched]] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    windows: dict[str, Kept[Window]] = field(default_factory=dict)
    starts: dict[str, Kept[Started]] = field(default_factory=dict)
    approved: dict[str, Approval] = field(default_factory=dict)
    writes: int = 0

    def server(self, server_id: str) -> Kept[ServerRow]:
        return self.servers.get(server_id.lower(), Kept(None, ""))

    def keep_server(self, row: ServerRow, version: str) -> str:
        self._check(self.server(row.server_id).version, version)
        self.servers[row.server_id.lower()] = Kept(row, str(self.writes))
        return str(self.writes)

    def server_of(self, instance_id: str) -> str:
        return self.instances.get(instance_id.lower(), "")

    def keep_instance(self, instance_id: str, server_id: str) -> None:
        self.instances[instance_id.lower()] = server_id

    def known_servers(self) -> Iterator[ServerRow]:
        return (kept.row for kept in self.servers.values() if kept.row)

    def approvals(self, since: datetime) -> tuple[Approval, ...]:
        fresh = [one for one in self.approved.values() if one.at >= since]
        return tuple(sorted(fresh, key=lambda one: one.at, reverse=True))

    def keep_approval(self, approval: Approval) -> None:
        self.approved[approval.plan_hash] = approval

    def window(self, subscription: str) -> Kept[Window]:
        return self.windows.get(subscription.lower(), Kept(None, ""))

    def keep_window(self, window: Window, version: str) -> str:
        self._check(self.window(window.subscription).version, version)
        self.windows[window.subscription.lower()] = Kept(window, str(self.writes))
        return str(self.writes)

    def started(self, vault_id: str) -> Kept[Started]:
        return self.starts.get(vault_id.lower(), Kept(None, ""))

    def keep_started(self, started: Started, version: str) -> str:
        self._check(self.started(started.vault_id).version, version)
        self.starts[started.vault_id.lower()] = Kept(started, str(self.writes))
        return str(self.writes)

    def incidents(self, since: datetime) -> Iterator[Kept[Incident]]:
        return (kept for kept in list(self.told.values()) if kept.row and kept.row.said_at >= since)

    def incident(self, key: str) -> Kept[Incident]:
        return self.told.get(key.lower(), Kept(None, ""))

    def keep_incident(self, incident: Incident, version: str) -> str:
        self._check(self.incident(incident.key).version, version)
        self.told[incident.key.lower()] = Kept(incident, str(self.writes))
        return str(self.writes)

    def watched(self, name: str) -> Kept[Watched]:
        return self.seen.get(name.lower(), Kept(None, ""))

    def keep_watched(self, row: Watched, version: str) -> str:
        self._check(self.watched(row.name).version, version)
        self.seen[row.name.lower()] = Kept(row, str(self.writes))
        return str(self.writes)

    def _check(self, kept: str, named: str) -> None:
        if kept != named:
            msg = f"the row is of version {kept!r}, not {named!r}"
            raise Changed(msg)
        self.writes += 1
