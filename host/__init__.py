"""The local Functions host: it plays the part of Microsoft's host, for an app that does not know the difference.

It imports neither the product nor the simulator; what it runs and where its queues are is given to it.
"""
