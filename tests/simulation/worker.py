"""One instance of the app, from its start to its death, and what hears its log."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions import wiring
from host.in_process import InProcessHost
from tests.simulation.watched import Attempt


@dataclass
class Worker:
    """One instance of the app: its process knows nothing of the others, and nothing of its life before a crash.

    host: None while it is not running; back_at: when it is started (again). attempt: what it does just now; busy: how
    many things it has begun. heard_failures: how many of its host's failures were taken note of.
    """

    number: int
    back_at: datetime
    host: InProcessHost | None = None
    context: wiring.Context | None = None
    attempt: Attempt = field(default_factory=lambda: Attempt("none"))
    busy: int = 0
    heard_failures: int = 0

    @property
    def name(self) -> str:
        return f"app {self.number}"

    def stop(self, back_at: datetime) -> None:
        self.host, self.context, self.back_at, self.heard_failures = None, None, back_at, 0


class Ear(logging.Handler):
    """Hears what the app writes down."""

    def __init__(self, hear: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self.hear(record.__dict__["flexguard"])
