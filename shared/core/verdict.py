"""The closed list of what can be said about a server. Each kind has one sentence, one next step, and who takes it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Every server has exactly one of these."""

    PROTECTED = "protected"
    CONFIGURING = "configuring"
    FIRST_BACKUP_PENDING = "first_backup_pending"
    DRIFTED = "drifted"
    WAITING_FOR_ROLES = "waiting_for_roles"
    NOT_OPTED_IN = "not_opted_in"
    EXEMPT = "exempt"
    ORPHANED = "orphaned"
    GONE = "gone"
    WRONG_VAULT = "wrong_vault"
    OVERDUE = "overdue"
    OBSERVE_ONLY = "blocked_observe_only"
    NOT_READY = "blocked_not_ready"
    STOPPED = "blocked_stopped"
    REPLICA = "blocked_replica"
    ELASTIC_CLUSTER = "blocked_elastic_cluster"
    NO_VAULT = "blocked_no_vault_in_region"
    VAULT_IDENTITY = "blocked_vault_without_identity"
    VAULT_NOT_ADMITTED = "blocked_vault_not_admitted"
    VAULT_FULL = "blocked_vault_full"
    UNKNOWN_TIER = "blocked_unknown_tier"
    EXEMPTION_INVALID = "blocked_exemption_invalid"
    PROTECTED_ELSEWHERE = "blocked_protected_elsewhere"
    PROTECTION_ERROR = "blocked_protection_error"
    STOPPED_BY_SOMEONE = "blocked_protection_stopped"
    UNKNOWN_STATE = "blocked_unknown_state"
    POLICY_TAMPERED = "blocked_policy_tampered"
    CANNOT_ASSIGN_ROLES = "blocked_cannot_assign_roles"
    ROLES_MISSING = "blocked_roles_missing"
    ROLES_INEFFECTIVE = "blocked_roles_ineffective"
    VALIDATION_FAILED = "blocked_validation_failed"
    SOFT_DELETED = "blocked_soft_deleted"
    CONTESTED = "blocked_contested"
    POLICY_MISSING = "blocked_policy_missing"
    RESOURCE_GUARD = "blocked_resource_guard"
    VAULT_NOT_READY = "blocked_vault_not_ready"
    SCOPE_LOCKED = "blocked_scope_locked"
    AZURE_POLICY = "blocked_azure_policy"
    PROVIDER = "blocked_provider_not_registered"
    APP_RIGHTS = "blocked_app_lacks_rights"
    OVER_BUDGET = "blocked_over_budget"
    AZURE_UNREACHABLE = "blocked_azure_unreachable"

    @property
    def is_blocked(self) -> bool:
        return self.value.startswith("blocked_")


FIXES: dict[Kind, str] = {
    Kind.PROTECTED: "",
    Kind.CONFIGURING: "nothing to do; Azure Backup is working",
    Kind.FIRST_BACKUP_PENDING: "nothing to do; the first recovery point follows",
    Kind.DRIFTED: "application or platform team: make policy and tag agree",
    Kind.WAITING_FOR_ROLES: "nothing to do; Azure takes up to 30 minutes to make a role effective",
    Kind.NOT_OPTED_IN: "application team: tag the server if it should be backed up",
    Kind.EXEMPT: "",
    Kind.ORPHANED: "platform team: the server is gone, its backups are kept and billed; delete what nobody needs",
    Kind.GONE: "",
    Kind.WRONG_VAULT: "platform team: the rules name another vault; the server stays where its recovery points are",
    Kind.OBSERVE_ONLY: "platform team: set mode: protect in the rules file",
    Kind.NOT_READY: "nothing to do; it is looked at again until it is Ready",
    Kind.STOPPED: "application team: start the server; it is protected as soon as it runs",
    Kind.REPLICA: "application team: tag the primary; Azure Backup does not take replicas",
    Kind.ELASTIC_CLUSTER: "application team: use another kind of backup; Azure Backup does not take elastic clusters",
    Kind.NO_VAULT: "platform team: make a Backup vault in the region and name it in the rules file",
    Kind.VAULT_IDENTITY: "platform team: give the vault a system-assigned identity",
    Kind.VAULT_NOT_ADMITTED: "platform team: if the vault is yours, deploy again with its identity admitted",
    Kind.VAULT_FULL: "platform team: add a vault in the region, or raise `most` in the rules file if Azure takes more",
    Kind.UNKNOWN_TIER: "application team: use a tier of the rules file",
    Kind.EXEMPTION_INVALID: "application team: give the exemption an end and a reason, or use a tier",
    Kind.PROTECTED_ELSEWHERE: "platform team: name that vault in the rules file, or move the server's protection",
    Kind.PROTECTION_ERROR: "platform team: repair the cause and resync the backup instance",
    Kind.STOPPED_BY_SOMEONE: "platform team: resume protection by hand if it was not meant to stop",
    Kind.UNKNOWN_STATE: "platform team: look at the backup instance in the portal; its state is new to this version",
    Kind.POLICY_TAMPERED: "platform team: a policy with our name has other content; restore or delete it",
    Kind.CANNOT_ASSIGN_ROLES: "an owner of the server's group: assign the roles of `flexguard roles request`",
    Kind.ROLES_MISSING: "an owner of the server's group: assign the roles of `flexguard roles request`",
    Kind.ROLES_INEFFECTIVE: "platform team: the roles are assigned and do not work; look for a deny assignment",
    Kind.VALIDATION_FAILED: "application or platform team: repair what Azure Backup names",
    Kind.SOFT_DELETED: "platform team: undelete the backup instance and resume it, or wait until Azure purges it",
    Kind.CONTESTED: "platform team: find out who else sets the policy, agree, and set the tier's policy by hand",
    Kind.POLICY_MISSING: "platform team: make a policy that means the tier in the vault, or set policies: create",
    Kind.RESOURCE_GUARD: "platform team: have the change approved at the Resource Guard, and make it by hand",
    Kind.VAULT_NOT_READY: "platform team: look at the vault in the portal; it is not usable",
    Kind.SCOPE_LOCKED: "platform team: remove the lock that Azure names, or lift it while protection is set up",
    Kind.AZURE_POLICY: "platform team: exempt what Azure Policy denies, or give the tags that it wants under stamp",
    Kind.PROVIDER: "platform team: register the resource provider that Azure names",
    Kind.APP_RIGHTS: "platform team: give the app's identity the action that Azure names; deploying again does it",
    Kind.OVERDUE: "platform team: see why backups fail; `flexguard backup now` starts one",
    Kind.OVER_BUDGET: "platform team: look at the next sweep's plan and approve its hash, or raise `brake`",
    Kind.AZURE_UNREACHABLE: "platform team: look at Azure's health and at the app's rights; it is tried again",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said about one server: the kind, why in one sentence, and what to do about it."""

    kind: Kind
    reason: str
    fix: str

    @classmethod
    def of(cls, kind: Kind, reason: str, fix: str = "") -> "Verdict":
        """A verdict with the usual fix of its kind, unless a better one is known."""
        return cls(kind, reason, fix or FIXES[kind])
