"""Watch: failed backups reach people, each once."""

import azure.functions as func

from functions.wiring import current

bp = func.Blueprint()


@bp.function_name("watch_jobs")
@bp.timer_trigger("timer", schedule="0 */15 * * * *", run_on_startup=False, use_monitor=True)
def watch_jobs(timer: func.TimerRequest) -> None:
    """Every 15 minutes: look at the backup jobs of every admitted vault."""
    from shared.watch import watch_jobs as watch

    context = current()
    watch(context.cloud, context.ledger, context.rules)
