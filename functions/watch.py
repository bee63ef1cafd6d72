"""Watch: what is wrong reaches people, one message for a cause, and silence is never taken for peace."""

import azure.functions as func

from functions.wiring import current
from shared.loading import LOADING

bp = func.Blueprint()


@bp.function_name("watch_jobs")
@bp.timer_trigger("timer", schedule="0 */15 * * * *", run_on_startup=False, use_monitor=True)
def watch_jobs(timer: func.TimerRequest) -> None:
    """Every 15 minutes: look at jobs, deleted backups and the sweep's record, and tell people what is wrong."""
    with LOADING:
        from shared.watch import watch_jobs as watch

        context = current()
    watch(context.cloud, context.ledger, context.rules)


@bp.function_name("check_watch")
@bp.timer_trigger("timer", schedule="0 50 * * * *", run_on_startup=False, use_monitor=True)
def check_watch(timer: func.TimerRequest) -> None:
    """Ten minutes before every hour: tell people when the watch has not run to its end for an hour."""
    with LOADING:
        from shared.watch import check_watch as check

        context = current()
    check(context.cloud, context.ledger, context.rules)
