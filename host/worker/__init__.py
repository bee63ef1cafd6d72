"""Microsoft's own Python worker in a process of its own: `parent.py` is the host's end, `child.py` the worker's."""
