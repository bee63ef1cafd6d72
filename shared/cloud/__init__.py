"""Does. The only place that imports the Azure SDK; every call is one attempt, and every failure one CloudError.

There is no retry below this line: the queue looks again later, which survives a crash and costs no waiting thread.
"""
