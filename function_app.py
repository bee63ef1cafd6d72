"""The whole app on one page: a story is a blueprint in `functions/`, and what it does is in `shared/`."""

import azure.functions as func

from functions import back_up, converge, status, sweep, watch, wiring

wiring.rules()  # a broken rules file stops the app here, with file, line and what is valid
wiring.check_settings()  # and so do settings that are wrong or missing

app = func.FunctionApp()
app.register_functions(converge.bp)
app.register_functions(status.bp)
app.register_functions(sweep.bp)
app.register_functions(back_up.bp)
app.register_functions(watch.bp)
