"""Status: the last sweep's record as a page for people, or as JSON (`?format=json`). A setting says who may see it."""

import azure.functions as func

from functions.wiring import current, has_sign_in, status_access
from shared.loading import LOADING

bp = func.Blueprint()
_ACCESS = status_access()


@bp.function_name("status")
@bp.route(
    route="status",
    methods=["GET"],
    auth_level=func.AuthLevel.FUNCTION if _ACCESS == "key" else func.AuthLevel.ANONYMOUS,
)
def status(req: func.HttpRequest) -> func.HttpResponse:
    """Render the last snapshot, with its age."""
    with LOADING:
        from shared.status import answer, refused
    as_json = req.params.get("format") == "json"
    said = refused(req.headers, has_sign_in=has_sign_in(), as_json=as_json) if _ACCESS == "entra" else None
    if said is None:
        context = current()
        encodings = req.headers.get("accept-encoding", "")
        said = answer(context.cloud, context.ledger, as_json=as_json, encodings=encodings)
    return func.HttpResponse(said.body, status_code=said.status, headers=said.headers)
