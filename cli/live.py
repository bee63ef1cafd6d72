"""How does it look now, and now? Shows what a command prints again and again on one screen, until Ctrl-C."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

from cli.output import BadInput, Output, screen
from shared.cloud.errors import CloudError


class _Screen(io.StringIO):
    """What is printed while nobody looks, with the colours that a terminal gets."""

    def isatty(self) -> bool:
        return True


def watch(output: Output, interval_s: int, show: Callable[[], int], sleep: Callable[[float], None]) -> int:
    """Show it every so many seconds until Ctrl-C, then answer the exit code of the last time.

    show: prints, and answers an exit code. When Azure does not answer, what was seen last stays, with the reason.
    Raises BadInput where there is no terminal, and KeyboardInterrupt before anything could be shown.
    """
    if output.as_json or not sys.stdout.isatty():
        raise BadInput("--watch is for a terminal; leave it out, or leave --json out")
    from rich.live import Live
    from rich.text import Text

    code, printed = None, ""
    try:
        with Live(console=screen(), auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                seen, warned = _Screen(), io.StringIO()
                try:
                    with redirect_stdout(seen), redirect_stderr(warned):
                        code = show()
                    printed = seen.getvalue().rstrip()
                except CloudError as error:
                    warned.write(f"Azure has not answered, so this is what was seen before: {error}")
                said = Text(warned.getvalue().strip(), style="yellow")
                rest = Text(f"again every {interval_s} s; Ctrl-C ends it", style="dim")
                live.update(
                    Text("\n").join([part for part in (rest, said, Text.from_ansi(printed)) if part]), refresh=True
                )
                sleep(interval_s)
    except KeyboardInterrupt:
        if code is None:
            raise
        return code
