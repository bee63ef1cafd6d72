"""A ledger in memory, as strict about versions as the real one."""

from dataclasses import dataclass, field

from shared.ledger import Changed, Incident, Kept, ServerRow


@dataclass
class MemoryLedger:
    """Implements `shared.ledger.Ledger`: every write names the version that it read, and gets a new one."""

    servers: dict[str, Kept[ServerRow]] = field(default_factory=dict)
    incidents: dict[str, Kept[Incident]] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
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

    def incident(self, key: str) -> Kept[Incident]:
        return self.incidents.get(key.lower(), Kept(None, ""))

    def keep_incident(self, incident: Incident, version: str) -> str:
        self._check(self.incident(incident.key).version, version)
        self.incidents[incident.key.lower()] = Kept(incident, str(self.writes))
        return str(self.writes)

    def _check(self, kept: str, named: str) -> None:
        if kept != named:
            msg = f"the row is of version {kept!r}, not {named!r}"
            raise Changed(msg)
        self.writes += 1
