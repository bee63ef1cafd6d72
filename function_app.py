"""The whole app on one page: a story is a blueprint in `functions/`, and what it does is in `shared/`."""

import azure.functions as func

from functions import back_up, converge, evidence, status, sweep, watch, wiring

wiring.check()  # wrong settings and broken files stop the app here: all of it at once, with what is valid

app = func.FunctionApp()
app.register_functions(converge.bp)
app.register_functions(evidence.bp)
app.register_functions(status.bp)
app.register_functions(sweep.bp)
app.register_functions(back_up.bp)
app.register_functions(watch.bp)
if wiring.delivery() == "storage_queue":
    app.register_functions(converge.queued)
