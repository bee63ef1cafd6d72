"""The product, broken on purpose: small patches at run time, each of which an invariant must notice within 200 seeds.

A mutant that lives shows an invariant that is missing.
"""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import msgspec

from shared import claim, look
from shared.cloud import apply, graph, jobs, observe, vaults
from shared.cloud.errors import CloudError
from shared.cloud.ledger_table import TableLedger
from shared.core import existing, intent, on_demand, policy_steps
from shared.core.observed import LastBackup
from shared.core.verdict import Kind, Verdict
from shared.ledger import Changed
from tests.simulation.broken_stories import STORIES
from tests.simulation.run import run
from tests.simulation.scenario import draw

MOST_SEEDS = 200
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@dataclass(frozen=True)
class Fresh:
    """A stand-in that remembers something: each run gets one of its own."""

    make: Callable[[], Any]


@dataclass(frozen=True)
class Mutant:
    """says: what is broken. caught_by: the invariants that may notice it. patches: target to stand-in."""

    name: str
    says: str
    caught_by: tuple[str, ...]
    patches: dict[str, Any]

    def patch(self) -> AbstractContextManager[None]:
        """The product is broken as long as this is entered."""
        stack = ExitStack()
        for target, stand_in in self.patches.items():
            stack.enter_context(patch(target, stand_in.make() if isinstance(stand_in, Fresh) else stand_in))
        return stack  # type: ignore[return-value]  # what is entered does not matter


@dataclass(frozen=True)
class Death:
    """broken: the invariant that noticed the mutant, "" when it lives; seeds: how many it took."""

    broken: str
    seeds: int


def hunt(name: str, most: int = MOST_SEEDS, first: int = 0) -> Death:
    """Play seeds until an invariant breaks that is there for this mutant."""
    mutant = next(each for each in MUTANTS if each.name == name)
    for seeds in range(1, most + 1):
        broken = run(draw(first + seeds - 1), mutant.patch).broken
        if broken in mutant.caught_by:
            return Death(broken, seeds)
    return Death("", most)


# -- stand-ins -------------------------------------------------------------------------------------------------------


def _with(real: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """The real function, and what is made of its answer."""
    return lambda *args, **more: change(real(*args, **more), *args)


def _everybody(found: Any, _: Any, rules: Any, *__: Any) -> Any:
    gold = intent.Protect("gold", rules.tiers["gold"], "everybody gets it")
    return found if isinstance(found, intent.Protect) else gold


def _remembering(real: Callable[..., Any]) -> Callable[..., Any]:
    """Answers what it answered first to the same question, for ever."""
    known: dict[str, Any] = {}

    def asked(*args: Any) -> Any:
        key = next(getattr(each, "key", "") for each in args if getattr(each, "key", ""))
        return known.setdefault(key, real(*args))

    return asked


def _first_tags(real: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}
    return lambda tags, rules, now, server_id: real(known.setdefault(server_id.key, tags), rules, now, server_id)


def _repeated(real: Callable[..., Any]) -> Callable[..., Any]:
    def twice(*args: Any) -> Any:
        try:
            return real(*args)
        except CloudError:
            return real(*args)

    return twice


def _without_etag(real: Callable[..., Any]) -> Callable[..., Any]:
    def forced(self: TableLedger, row: Any, version: str) -> Any:
        try:
            return real(self, row, version)
        except Changed:
            return real(self, row, self.server(row.server_id).version)

    return forced


def _other_body(real: Callable[..., Any]) -> Callable[..., Any]:
    """Each policy that is written keeps a day longer than the one before."""
    count = itertools.count()

    def ensured(cloud: Any, action: Any) -> None:
        text = msgspec.json.encode(action.body).replace(b"P28D", b"P%dD" % (29 + next(count)))
        real(cloud, replace(action, body=msgspec.json.decode(text)))

    return ensured


def _numbered_names() -> Callable[..., str]:
    count = itertools.count()
    return lambda server: f"{server.name}-{next(count)}"


def _as_owner(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda cloud, action, observed: real(cloud, replace(action, role=OWNER), observed)


def _resuming(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda server, instance, wrong, observed, rules: real(
        server, instance, wrong, observed, replace(rules, resume="allow")
    )


def _every_message(real: Callable[..., Any]) -> Callable[..., Any]:
    def judged(row: Any, message: Any, message_id: str, now: Any) -> Any:
        open_row = row and msgspec.structs.replace(
            row, next_look_at=None, observed_at=None, claimed_by="", settled=True
        )
        return real(open_row, msgspec.structs.replace(message, generation=None), message_id, now)

    return judged


def _dozing(real: Callable[..., Any]) -> Callable[..., Any]:
    def run_later(self: Any) -> Any:
        self.cloud.transport.sleep(30)
        return real(self)

    return run_later


def _nothing_to_do(wanted: Any, _instance: Any, _observed: Any, memory: Any) -> on_demand.Step:
    return on_demand.Step(on_demand._verdict(wanted, memory), (), LastBackup("done", has_point=True))


def _done(self: Any, _: CloudError) -> look.Outcome:
    return look.Outcome(Verdict.of(Kind.PROTECTED, f"{self.server_id.text} is protected"))


def _one_page(real: Callable[..., Any]) -> Callable[..., Any]:
    def page(self: Any, body: Any) -> Any:
        body["options"]["$top"] = 1
        found = real(self, body)
        found.token, found.total = None, len(found.data)
        return found

    return page


def _named(name: str, says: str, caught_by: str, **patches: Any) -> Mutant:
    """A mutant; the keys are targets with __ for a dot, below `shared`."""
    targets = {f"shared.{target.replace('__', '.')}": stand_in for target, stand_in in patches.items()}
    return Mutant(name, says, tuple(caught_by.split()), targets)


MUTANTS = (
    _named("no_opt_in", "everybody is protected, asked or not", "I1 I4",
           look__read_intent=_with(intent.read_intent, _everybody)),
    _named("old_tags", "acts on the tags that it saw first", "I4 I1 I10 I3",
           look__read_intent=Fresh(lambda: _first_tags(intent.read_intent))),
    _named("replicas_too", "does not ask whether a server can be protected", "I1",
           core__plan___not_eligible=lambda *_: None),
    _named("observe_writes", "writes although the mode is observe", "I1",
           look__filters__only_permitted=lambda plan_, *_: plan_),
    _named("blind_repeat", "repeats the POST of a backup whose answer was lost", "I5",
           cloud__apply___start_backup=_repeated(apply._start_backup)),
    _named("no_intention", "starts a backup before its intention is written down", "I5",
           look__Look___keep=lambda _: None),
    _named("random_names", "names an instance anew each time", "I2",
           core__names__instance_name=Fresh(_numbered_names)),
    _named("no_existence_check", "does not look for an instance before it makes one", "I2 I3 I10 I14 I6",
           cloud__observe__instances=lambda *_: ()),
    _named("one_page", "reads the first page of Resource Graph alone", "I10 I12",
           cloud__graph__Graph___page=_one_page(graph.Graph._page)),
    _named("one_vault", "knows the first vault alone", "I10 I11",
           cloud__vaults__of_rules=_with(vaults.of_rules, lambda found, *_: found[:1])),
    _named("few_jobs", "reads the first two jobs of a vault alone", "I11",
           watch__listed=_with(jobs.listed, lambda found, *_: itertools.islice(found, 2))),
    _named("stale_row", "trusts what it once read of a server", "I6 I10",
           cloud__observe__server=Fresh(lambda: _remembering(observe.server))),
    _named("no_retry_after", "does not read Retry-After", "I7",
           cloud__errors__retry_after_s=lambda _: None, cloud__clients__retry_after_s=lambda _: 0.0),
    _named("no_generation", "takes every message for a reason to look", "I7 I5",
           claim__judge=_every_message(claim.judge)),
    _named("double_claim", "writes the row over whatever somebody else has written", "I5 I15 I10 I16",
           cloud__ledger_table__TableLedger__keep_server=_without_etag(TableLedger.keep_server)),
    _named("weakening", "sets a policy that keeps points shorter, without leave", "I3",
           core__existing___weakening=lambda *_: ""),
    _named("taking_over", "writes to an instance of somebody else, without leave", "I3",
           core__existing___untouchable=lambda *_: ""),
    _named("resuming", "resumes what a person stopped, without leave", "I3",
           core__existing___repair=_resuming(existing._repair)),
    _named("policy_rewritten", "writes a policy that is there", "I3",
           core__policy_steps__intended_policy=_with(
               policy_steps.intended_policy, lambda found, *_: (found[0], False, None)),
           cloud__apply___ensure_policy=Fresh(lambda: _other_body(apply._ensure_policy))),
    _named("third_role", "gives another role than the two that a vault needs", "roles",
           cloud__apply___grant_role=_as_owner(apply._grant_role)),
    _named("any_host", "follows an address to another host", "I8",
           cloud__http__AdmittedHost__on_request=lambda *_: None),
    _named("telling_tags", "writes all tags of a server down", "I8",
           look__read_intent=_with(intent.read_intent, lambda found, tags, *_: replace(found, reason=str(tags)))),
    _named("error_is_done", "calls a look that failed done", "I3 I10",
           look__Look___failed=_done),
    _named("forgetful", "does not write down what it told", "I18 I11",
           cloud__ledger_table__TableLedger__keep_incident=lambda *_: "x"),
    _named("mute", "writes down what it never told", "I11 I15",
           tell__publish=lambda *_: None, deliver__publish=lambda *_: None),
    _named("poison_thrown_away", "throws poison away", "I15",
           poison__tell_once=lambda *_: True),
    _named("lost_event", "takes an event and does nothing", "I15",
           converge__receive=lambda *_: ""),
    _named("lost_continuation", "forgets to come back", "I15",
           converge___continue=lambda *_: None),
    _named("case_matters", "compares tags with their case", "I10",
           core__intent__value_of=lambda tags, name: tags.get(name, ""), core__intent__fold=lambda text: text),
    _named("no_first_backup", "calls the first backup done", "I13",
           core__on_demand___first=_nothing_to_do),
    _named("dozing", "sleeps in a function", "I9",
           look__Look__run=_dozing(look.Look.run)),
    _named("impatient", "looks at what is stuck as often as at first", "I9",
           core__waits__again_s=lambda least_s, *_: least_s),
    _named("no_sweep", "sweeps nothing", "I10 I12",
           sweep__sweep=lambda *_: None),
    *(_named(name, says, caught_by, **broken) for name, says, caught_by, broken in STORIES),
)  # fmt: skip
