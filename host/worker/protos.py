"""Stands in for the protobuf namespace that Microsoft's worker fills in while it starts and indexes an app.

Nothing here goes over a wire, so attribute bags are enough. Invocations do not use it at all.

**Source**: azure-functions-runtime 1.3.0 `handle_event.py`, `functions.py`, `loader.py`, `utils/tracing.py`.
"""

from types import SimpleNamespace


class Bag(SimpleNamespace):
    """Takes any keyword and has it as an attribute."""


class StatusResult(Bag):
    """How a request to the worker ended."""

    Failure, Success = 0, 1


class BindingInfo(Bag):
    """One binding of a function; the numbers are those of FunctionRpc.proto."""

    undefined, out, inout = 0, 1, 2


WorkerInitResponse = WorkerMetadata = FunctionMetadataResponse = FunctionLoadResponse = Bag
RpcFunctionMetadata = RpcRetryOptions = RpcException = Bag
