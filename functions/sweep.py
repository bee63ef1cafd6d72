"""Sweep: once an hour the whole estate is compared with what its teams want."""

import azure.functions as func

from functions.wiring import current
from shared.loading import LOADING

bp = func.Blueprint()


@bp.function_name("sweep_estate")
@bp.timer_trigger("timer", schedule="0 10 * * * *", run_on_startup=False, use_monitor=True)
def sweep_estate(timer: func.TimerRequest) -> None:
    """Ten minutes past every hour: find what events missed, put it on the queue, keep a snapshot."""
    with LOADING:
        from shared.sweep import sweep

        context = current()
    sweep(context.cloud, context.ledger, context.rules, context.prices)
