"""Functions that start at once in a fresh process: each loads what it needs, and none gets half a module."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Notes which thread looks for which module, and lets another thread go on at each: whoever loads beside somebody shows.
PROGRAM = """
import json, os, sys, threading
import function_app

class Witness:
    seen = []
    def find_spec(self, name, path=None, target=None):
        self.seen.append(threading.current_thread().name)
        os.sched_yield()

names = ("keep_poison", "watch_jobs", "sweep_estate", "back_up_due")
found = {each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()}
start = threading.Barrier(len(names))

def run(name):
    start.wait()
    try:
        found[name](None)
    except Exception as error:  # whatever it is, the test says which ones may be
        failures[name] = type(error).__name__

failures = {}
sys.setswitchinterval(1e-6)
sys.meta_path.insert(0, Witness())
threads = [threading.Thread(target=run, args=(name,), name=name) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
turns = [name for name, before in zip(Witness.seen, ["", *Witness.seen]) if name != before]
print(json.dumps({"failures": failures, "turns": turns, "modules": len(Witness.seen)}))
"""


def test_one_thread_loads_at_a_time():
    """Four timers start in a process that has loaded nothing: the modules of one come after those of the other."""
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(  # noqa: S603 - the project's own program
        command, cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    told = json.loads(ran.stdout.splitlines()[-1])
    assert set(told["failures"].values()) == {"BadSettings"}, "without settings each ends when it has loaded its story"
    assert told["modules"] > 100
    assert len(told["turns"]) == len(set(told["turns"]))
