"""What the product must know about a kind of database to protect it. Differences are data here, not branches."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Datasource:
    """One kind of database.

    resource_type: ARM type as Microsoft writes it. api_version: used to read the server.
    server_role, group_role: role definition GUIDs that a vault's identity needs on the server and on its group.
    ready_state: in which a backup can be configured; creating_state: before which nothing can exist;
    stopped_states: which end only when a person does something. Every other state passes by itself.
    """

    resource_type: str
    api_version: str
    server_role: str
    group_role: str
    ready_state: str
    creating_state: str
    stopped_states: frozenset[str]
    replica_roles: frozenset[str]
    role_names: dict[str, str]

    @property
    def key(self) -> str:
        return self.resource_type.lower()
