"""Which world does a recording presuppose? Built through ordinary ARM calls from what its exchanges mention.

What is there before the first exchange is made first, and what a recorder left out in between (a group that was
deleted, an identity that was made) happens when the recording shows that it has happened.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.truth.estate import Estate
from tests.truth.names import MADE_UP, Names
from tests.truth.recording import Exchange, error_code

from simulator.azure import LocalAzure
from simulator.wire import Request, Response
from simulator.world import World

BEFORE = timedelta(hours=3)  # for servers to become ready and roles to work
HISTORY = timedelta(days=16)  # for jobs and recovery points that were there before
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"

Try = Callable[[Exchange], Response]
