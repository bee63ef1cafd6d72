"""Evidence: once a day what an auditor wants to see goes into a container that lets nobody change it."""

import azure.functions as func

from functions.wiring import current
from shared.loading import LOADING

bp = func.Blueprint()


@bp.function_name("keep_evidence")
@bp.timer_trigger("timer", schedule="0 40 2 * * *", run_on_startup=False, use_monitor=True)
def keep_evidence(timer: func.TimerRequest) -> None:
    """At 02:40 every day (UTC): keep the evidence of the last 14 days, where a setting names the container for it."""
    with LOADING:
        from shared.keep_evidence import keep_evidence as keep

        context = current()
    keep(context.cloud, context.ledger, context.rules)
