"""Back up: once an hour the backups on demand that are due are asked for."""

import azure.functions as func

from functions.wiring import current
from shared.loading import LOADING

bp = func.Blueprint()


@bp.function_name("back_up_due")
@bp.timer_trigger("timer", schedule="0 40 * * * *", run_on_startup=False, use_monitor=True)
def back_up_due(timer: func.TimerRequest) -> None:
    """Forty minutes past every hour: find who needs a backup on demand, and put a wish for it on the queue."""
    with LOADING:
        from shared.back_up import back_up_due as ask

        context = current()
    ask(context.cloud, context.ledger, context.rules)
