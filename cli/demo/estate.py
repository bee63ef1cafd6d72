"""The estate of the demo: a dozen servers, each with something that goes right or wrong in real life.

Data alone: what each server is, what people do to it and when, and what must be true of it at the end.
"""

from dataclasses import dataclass, field

from cli.stage import vault_id
from shared.core.verdict import Kind

RULES = f"""\
mode: protect
tag: backup-tier
vaults:
  - id: {vault_id("westeurope")}
  - id: {vault_id("northeurope")}
tiers:
  gold:
    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}
    keep: {{default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}}
    first_backup: at_once
  silver:
    backup: {{days: [sunday], at: "03:30", time_zone: Europe/Berlin}}
    keep: {{default: 28 days, monthly: 12 months}}
    first_backup: at_once
  bronze:
    backup: {{days: [saturday], at: "22:00", time_zone: Europe/Berlin}}
    keep: {{default: 28 days}}
    first_backup: schedule
exempt: {{value: none, until_tag: backup-exempt-until, reason_tag: backup-exempt-reason}}
"""
REGIONS = ("westeurope", "northeurope")
PREPARED_GROUP = "rg-shop"  # here the platform team has assigned the vaults' two roles beforehand


@dataclass(frozen=True)
class Step:
    """Something that a person does after so many virtual minutes: tag, stop, start."""

    at_min: float
    what: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DemoServer:
    """One server of the demo. expected: the verdict at the end; tier: what it must be protected as, "" for none.

    told: the kinds of alerts about it, in order.
    """

    name: str
    tells: str
    expected: Kind
    tags: dict[str, str] = field(default_factory=dict)
    tier: str = ""
    group: str = PREPARED_GROUP
    region: str = "westeurope"
    at_min: float = 0
    steps: tuple[Step, ...] = ()
    replica_of: str = ""
    fails_first_backup: bool = False
    noisy: bool = False
    has_recovery_point: bool = True
    told: tuple[str, ...] = ()


ESTATE = (
    DemoServer("pg-orders", "tagged gold", Kind.PROTECTED, {"backup-tier": "gold"}, "gold"),
    DemoServer("pg-catalog", "tagged silver, in another region", Kind.PROTECTED, {"backup-tier": "silver"}, "silver",
               group="rg-shop-north", region="northeurope", at_min=0.5),
    DemoServer("pg-invoices", "tag in capitals", Kind.PROTECTED, {"BACKUP-TIER": "GOLD"}, "gold", at_min=1),
    DemoServer("pg-payments", "tag with blanks around it", Kind.PROTECTED, {"backup-tier": "  silver "}, "silver",
               at_min=1.5),
    DemoServer("pg-legacy", "the vault has no roles here yet", Kind.PROTECTED, {"backup-tier": "gold"}, "gold",
               group="rg-legacy", at_min=2),
    DemoServer("pg-scratch", "no tag", Kind.NOT_OPTED_IN, at_min=2),
    DemoServer("pg-lab", "exempt on purpose", Kind.EXEMPT,
               {"backup-tier": "none", "backup-exempt-until": "2027-03-31", "backup-exempt-reason": "rebuilt nightly"},
               at_min=2.5),
    DemoServer("pg-crm", "a typo in the tag", Kind.UNKNOWN_TIER, {"backup-tier": "glod"}, at_min=3,
               told=("UnknownTier",)),
    DemoServer("pg-sweden", "no vault in its region", Kind.NO_VAULT, {"backup-tier": "gold"},
               region="swedencentral", at_min=3, told=("NoVaultInRegion",)),
    DemoServer("pg-search", "events come twice, in wrong order", Kind.PROTECTED, {"backup-tier": "gold"}, "gold",
               at_min=3.5, noisy=True),
    DemoServer("pg-reports", "its first backup fails, then works", Kind.PROTECTED, {"backup-tier": "gold"}, "gold",
               at_min=4, fails_first_backup=True, told=("BackupFailed", "BackupFailed.Recovered")),
    DemoServer("pg-archive", "tagged long after it was made", Kind.FIRST_BACKUP_PENDING, {}, "bronze", at_min=4,
               steps=(Step(14, "tag", {"backup-tier": "bronze"}),), has_recovery_point=False),
    DemoServer("pg-night", "stopped, and started later", Kind.PROTECTED, {}, "gold", at_min=4.5,
               steps=(Step(12, "stop"), Step(15, "tag", {"backup-tier": "gold"}), Step(22, "start"))),
    DemoServer("pg-orders-ro", "a read replica", Kind.REPLICA, {"backup-tier": "gold"},
               at_min=10, replica_of="pg-orders", told=("Replica",)),
)  # fmt: skip
LASTS_MIN = 120
