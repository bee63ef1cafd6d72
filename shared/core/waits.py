"""How long to wait for what Azure does by itself. Who waits says why."""

from datetime import timedelta

from shared.core.observed import Observed

# Sources for the waits: recordings of flexible servers. Validation 39.9-40.9 s; ProtectionConfigured 36-69 s after
# the PUT; roles granted at 12:22:41 worked at 12:24:42; resuming 11.6-156 s, in the middle 42 s.
VALIDATION_S = 41.0
CONFIGURING_S, CONFIGURING_AGAIN_S = 70.0, 30.0
CHANGING_S = 42.0
UNDELETED_S = 5.0  # Source: undeleting is answered when it is done
GRANTED_S = 120.0
VAULT_S = 60.0
UNREADY_S, UNREADY_SHARE = 10.0, 1 / 40  # a server that takes an hour to be Ready is noticed at most 90 seconds late
LASTING_SHARE, LASTING_LONGEST_S = 1 / 10, 3600.0  # what is stuck for a day is asked about 60 times, and not 1,400
# What was just checked or made is counted on for so long: a ledger that was restored is older.
FRESH = timedelta(minutes=5)
# Source: documentation and reports of role propagation: 10 minutes, at worst 30.
REFUSED_AGAIN_S = (60.0, 120.0, 240.0, 480.0, 900.0)
DENIED_LONGEST, REFUSED_LONGEST = timedelta(minutes=40), timedelta(hours=24)


def growing_s(least_s: float, lasted: timedelta, share: float = LASTING_SHARE) -> float:
    """Seconds until the next look at what has lasted for some time: the longer, the later."""
    return max(least_s, min(lasted.total_seconds() * share, LASTING_LONGEST_S))


def again_s(least_s: float, observed: Observed, share: float = LASTING_SHARE) -> float:
    """The same for a server, a vault or an instance that is not ready."""
    return growing_s(least_s, observed.now - (observed.memory.unready_since or observed.now), share)
