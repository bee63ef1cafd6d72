"""Which controls does the evidence speak of, with which tables, and what does it not show? Text, and no judgement.

Source: Microsoft cloud security benchmark (Backup and Recovery); ISO/IEC 27001:2022, Annex A; NIST SP 800-53 Rev. 5;
Regulation (EU) 2022/2554; AICPA Trust Services Criteria for availability. What they ask is given in short.
"""

from shared.dossier.model import Control

_MCSB, _ISO, _NIST = "Microsoft cloud security benchmark", "ISO/IEC 27001:2022", "NIST SP 800-53 Rev. 5"
_DORA, _SOC = "DORA, Regulation (EU) 2022/2554", "SOC 2, Trust Services Criteria"
_NO_TEST = "whether a restore was tried and its data checked; restore jobs that Azure lists are in jobs"

# framework, control, what it asks, tables, what they show, what is missing
_ROWS = (
    (_MCSB, "BR-1", "Ensure regular automated backups", "coverage, servers, exceptions, rpo",
     "which servers are protected by which policy, who is left out until when, points made of points expected",
     "databases that are no flexible servers of PostgreSQL"),
    (_MCSB, "BR-2", "Protect backup and recovery data", "vaults",
     "soft deletion, immutability, redundancy, Resource Guard and identity of every vault",
     "who has which rights on a vault, its network access and its encryption keys"),
    (_MCSB, "BR-3", "Monitor backups", "jobs, incidents, changes",
     "every job, what people were told of, when it opened and closed, and every change of a verdict",
     "who read the messages"),
    (_MCSB, "BR-4", "Regularly test backup", "jobs", "restore jobs of the period", _NO_TEST),
    (_ISO, "A.8.13", "Backup copies are maintained and regularly tested, as the policy on backup says",
     "coverage, servers, rpo, jobs", "that copies are made, how often, how long they are kept, and which failed",
     f"the policy on backup itself; {_NO_TEST}"),
    (_NIST, "CP-9", "Conduct backups as often as recovery objectives ask; protect the backup information",
     "servers, rpo, jobs, vaults",
     "schedule and retention of each server, the age of its newest point against its limit, posture of the vaults",
     "backups of system-level information and of documentation"),
    (_DORA, "Article 12", "Document scope and minimum frequency of backups; test backup and restoration periodically",
     "coverage, exceptions, servers, rpo, vaults",
     "scope with its exceptions, frequency and retention by tier, whether it is kept, where copies are",
     f"why a tier was chosen; recovery procedures and recovery times; {_NO_TEST}"),
    (_SOC, "A1.2", "Operate, maintain and monitor data backup processes and recovery infrastructure to meet objectives",
     "coverage, rpo, jobs, on_demand, incidents", "how backups ran in the period, and what was done when they did not",
     "environmental protections, and recovery infrastructure beyond the vaults"),
    (_SOC, "A1.3", "Test recovery plan procedures that support system recovery", "jobs", "restore jobs of the period",
     _NO_TEST),
)  # fmt: skip

CONTROLS = tuple(
    Control(framework=framework, control=control, asks=asks, tables=tables, shows=shows, missing=missing)
    for framework, control, asks, tables, shows, missing in _ROWS
)
