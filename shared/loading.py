"""One lock for everything that is loaded on first use.

The SDKs' packages import each other in circles. Two threads that load parts of one circle at once would wait for each
other; Python lets one of them go on with half a module instead, and its invocation fails with an ImportError. Source:
importlib, `_DeadlockError`; seen when two timers were the first to run after a start.
"""

import threading

LOADING = threading.RLock()
