"""Entity group transactions on the wire: many requests in one multipart body, and their answers in another.

Knows the format and the rules of a change set, not the tables: carrying it out, all or nothing, is `table.py`.

**Source**: Microsoft, "Performing entity group transactions"; the recorded traffic of azure-sdk-for-js
`sdk/tables/data-tables` (the form of the answer).
"""

from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus

from simulator.storage.refusals import StorageError
from simulator.storage.table_request import Keys, Target, target_of
from simulator.wire import Request, Response

MOST_CHANGES = 100
LARGEST_BODY = 4 * 1024 * 1024


def read_batch(batch: Request) -> list[Request]:
    """The changes in a batch, each with the caller of the whole. Raises StorageError for what is no change set."""
    if len(batch.body) > LARGEST_BODY:
        words = "The request body is too large and exceeds the maximum permissible limit."
        raise StorageError(413, "RequestBodyTooLarge", words)
    head = f"Content-Type: {batch.headers.get('content-type', '')}\r\n\r\n".encode()
    parts = [part for part in BytesParser().parsebytes(head + batch.body).walk() if not part.is_multipart()]
    if not all(part.get_content_type() == "application/http" for part in parts):
        raise StorageError(400, "InvalidInput", "One of the request inputs is not valid.")
    changes = [_request(part, batch) for part in parts]
    _require_change_set(changes)
    return changes


def keys_of(change: Request) -> Keys:
    """The keys of the entity that a change is about: an insert has them in its body."""
    target = target_of(change)[1]
    if change.method != "POST":
        return target.keys
    body = target.body()
    return str(body.get("PartitionKey")), str(body.get("RowKey"))


def require_new(changes: list[Request], index: int) -> None:
    """Refuse a change of an entity that an earlier change in the batch is about.

    **Source**: an answer of the service, quoted in pull request 33839 of azure-sdk-for-python: it blames the second
    change, as it does for other refusals within a batch.
    """
    if keys_of(changes[index]) in map(keys_of, changes[:index]):
        words = "The batch request contains multiple changes with same row key. "
        raise StorageError(400, "InvalidDuplicateRow", words + "An entity can appear only once in a batch request.")


def write_batch(answers: list[Response], number: int) -> Response:
    """The answers to a batch in one body; `number` tells its boundaries from others."""
    inner, outer = f"changesetresponse_{number:08d}", f"batchresponse_{number:08d}"
    parts = b"".join(f"--{inner}\r\n".encode() + _part(answer) for answer in answers)
    head = f"--{outer}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode()
    body = head + parts + f"--{inner}--\r\n--{outer}--\r\n".encode()
    return Response(202, {"content-type": f"multipart/mixed; boundary={outer}"}, body)


def failed(refusal: StorageError, index: int) -> Response:
    """The only answer of a batch that was not carried out: which change is to blame, and why."""
    return StorageError(refusal.status, refusal.code, f"{index}:{refusal.message}").json_response()


def _request(part: Message, batch: Request) -> Request:
    raw = part.get_payload(decode=True)
    head, _, body = (raw if isinstance(raw, bytes) else b"").partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    words = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    url = " ".join(words[1:-1])
    return Request(words[0], url, headers | {"authorization": batch.headers["authorization"]}, body.strip(b"\r\n"))


def _require_change_set(changes: list[Request]) -> None:
    """Refuse what is not one table, one partition, and at most a hundred changes.

    Assumed: these refusals are plain 400 answers, not parts of a 202.
    """
    if len(changes) > MOST_CHANGES:
        words = "The batch request operation exceeds the maximum 100 changes per change set."
        raise StorageError(400, "InvalidInput", words)
    targets: list[Target] = [target_of(change)[1] for change in changes]
    keys = [keys_of(change) for change in changes]
    if len({target.table.lower() for target in targets}) != 1 or not all(c.method != "GET" for c in changes):
        raise StorageError(400, "InvalidInput", "One of the request inputs is not valid.")
    if len({partition for partition, _ in keys}) != 1:
        words = "All commands in a batch must operate on same entity group."
        raise StorageError(400, "CommandsInBatchActOnDifferentPartitions", words)


def _part(answer: Response) -> bytes:
    status = HTTPStatus(answer.status)
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return f"{head}HTTP/1.1 {status.value} {status.phrase}\r\n{headers}\r\n".encode() + answer.body + b"\r\n"
