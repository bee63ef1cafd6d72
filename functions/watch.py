"""Watch: failed backups reach people, each once."""

import azure.functions as func

from functions.wiring import current

bp = func.Blueprint()


@bp.function_name("watch_jobs")
@bp.timer_trigger("timer", schedule="0 */15 * * * *", run_on_startup=False, use_monitor=True)
def watch_jobs(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform binds it by name
    """Every 15 minutes: look at the backup jobs of every admitted vault, and at what was left in the poison queue."""
    from shared.poison import keep_left  # noqa: PLC0415 - loading the app must not load the SDKs
    from shared.watch import watch_jobs as watch  # noqa: PLC0415 - loading the app must not load the SDKs

    context = current()
    watch(context.cloud, context.ledger, context.rules)
    keep_left(context.cloud, context.ledger)
