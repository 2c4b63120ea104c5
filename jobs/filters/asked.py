"""What a query asks for, once it is read: it tells itself in words, and leads on to what may be asked next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Protocol

from django.utils.translation import gettext as _

from jobs.insight import COUNTED

from . import grammar
from .filter import DEFAULT_ORDER, DEFAULT_SIZE, LARGEST_SIZE, JobFilter
from .queries import encode, list_pairs, list_query
from .reading import (
    CARD_RANGE,
    OVERVIEW,
    OVERVIEW_DEFAULTS,
    TEXT,
    ParameterNote,
)
from .times import default_zone
from .values import write_counts
from .view import TABS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .pins import Pin
    from .queries import Chip
    from .view import View

    Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ParameterError:
    """What is wrong with a parameter and what is allowed, in the reader's language.

    `suggestion` is the value (or, for an unknown parameter, the name) that was probably meant, else "".
    `fixed_query` asks with that instead, "" where there is none; `without_query` asks without the parameter. `place` is
    where in a text it is wrong, None for every other parameter.
    """

    text: str
    suggestion: str
    fixed_query: str
    without_query: str
    place: tuple[int, int] | None = None

    def __str__(self) -> str:
        if not self.suggestion:
            return self.text
        return _("%(problem)s Did you mean “%(suggestion)s”?") % {"problem": self.text, "suggestion": self.suggestion}


class Continuation(Protocol):
    """Where a chain goes on, as the data path knows it."""

    @property
    def next_token(self) -> str: ...

    @property
    def after(self) -> str: ...


@dataclass(frozen=True)
class JobRequest:
    """What the address of a job's page asks for.

    `canonical` is the query under which that is answered; any other is redirected to it. With errors there is nothing to
    redirect to: it then is the query as given, and `is_canonical` is True.
    """

    view: View
    errors: dict[str, tuple[ParameterError, ...]]
    canonical: str
    is_canonical: bool


@dataclass(frozen=True)
class OverviewRequest(JobRequest):
    """What the address of the overview asks for.

    `own` are its own parameters as a canonical query has them, without defaults.
    """

    own: Mapping[str, str]

    @property
    def search(self) -> str:
        """The words that are searched for."""
        return self.own.get("q", "")

    @property
    def group(self) -> str:
        """The label that buckets must bear, "" for any."""
        return self.own.get("group", "")

    @property
    def range(self) -> str:
        """The stretch of time that is told of."""
        return self.own.get("range", OVERVIEW_DEFAULTS["range"])

    @property
    def sort(self) -> str:
        """`name`, or `worst` first."""
        return self.own.get("sort", OVERVIEW_DEFAULTS["sort"])

    @property
    def page(self) -> int:
        """The number of the page, from 1."""
        return int(self.own.get("page", OVERVIEW_DEFAULTS["page"]))

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What a form that searches must keep: zone and language, and the order."""
        return [(name, value) for name, value in self._pairs({}) if name in {"sort", "tz", "lang"}]

    def query(self, **changes: str) -> str:
        """Return the query with parameters changed, "" taking one away. The page stays only where it alone is changed."""
        return encode(self._pairs(changes if "page" in changes else {"page": "", **changes}))

    def _pairs(self, changes: Mapping[str, str]) -> list[tuple[str, str]]:
        given = {**self.own, "tz": self.view.tz, "lang": self.view.lang, **changes}
        return [
            (name, given[name]) for name in OVERVIEW if given.get(name) and given[name] != OVERVIEW_DEFAULTS.get(name)
        ]

    def matches(self, *texts: str) -> bool:
        """Tell whether each word that is searched for stands in one of `texts`, in any case."""
        here = "\n".join(texts).casefold()
        return all(word in here for word in self.search.casefold().split())


@dataclass(frozen=True)
class ListRequest(JobRequest):
    """What the address of a list asks for. `given` is what was typed, by parameter, for the form to show again.

    `notes` say how times without an offset were read. In `canonical` those stand as they were typed, in every query that is
    made from here with their offset.
    """

    filter: JobFilter
    notes: tuple[ParameterNote, ...]
    given: Mapping[str, str]

    is_merged: ClassVar[bool] = False

    @property
    def whose(self) -> Mapping[str, str]:
        """The parameters that say whose jobs these are; none where the path does."""
        return {}

    def pairs(self, job_filter: JobFilter, view: View) -> Pairs:
        """Return the canonical parameters of the list of the same jobs' owners, with another filter or view."""
        return list_pairs(job_filter, view)

    def written(self, job_filter: JobFilter, view: View) -> str:
        """Return the same as a query."""
        return encode(self.pairs(job_filter, view))

    def same_page(self, view: View) -> str:
        """Return the query of this very page over another place in the list."""
        return self.written(self.filter, view)

    @cached_property
    def summary(self) -> str:
        """The filter in one sentence, times told in the view's zone."""
        return self.filter.summary(self.view.zone)

    @cached_property
    def chips(self) -> tuple[Chip, ...]:
        """The conditions that narrow the list, each with a query without it."""
        return self.filter.chips(self.view)

    @cached_property
    def text(self) -> str:
        """The filter as one line of text; what was typed, where that is wrong."""
        return self.given[TEXT] if TEXT in self.errors else grammar.write(self.filter, self.view.zone)

    @property
    def likelier(self) -> tuple[str, str] | None:
        """What may be meant by a name that no job has, as a text, and the query that asks for that; None where nothing is."""
        changes = grammar.likelier(self.filter.name)
        if not changes:
            return None
        changes = {"name": "", **changes}
        meant = grammar.write(self.filter.changed(tz=self.view.zone.key, **changes), self.view.zone)
        return meant, self.query(**changes)

    @property
    def text_parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is wrong."""
        places = sorted(error.place for error in self.errors.get(TEXT, ()) if error.place)
        parts, at = [], 0
        for start, end in places:
            if start >= at:
                parts += [(self.text[at:start], False), (self.text[start:end], True)]
                at = end
        return [part for part in [*parts, (self.text[at:], False)] if part[0]]

    @property
    def wrong_units(self) -> tuple[int, int] | None:
        """Where in the text the first wrong part begins and ends, counted as browsers count: in units of UTF-16."""
        place = next((error.place for error in self.errors.get(TEXT, ()) if error.place), None)
        return place and (_units(self.text[: place[0]]), _units(self.text[: place[1]]))

    @property
    def zone_choices(self) -> list[tuple[str, str]]:
        """The zones that everybody is offered, each with the query that shows the same place in it."""
        names = dict.fromkeys((default_zone().key, "UTC", self.view.zone.key))
        return [(name, self.query(tz=name)) for name in names]

    @property
    def zoneless(self) -> list[tuple[str, str]]:
        """The parameters but for the zone. A calendar range is another question in another zone, so then the place goes."""
        view = self.view.first() if self.filter.zone else self.view
        return [(name, value) for name, value in self.pairs(self.filter, view) if name != "tz"]

    @property
    def exact_query(self) -> str:
        """The one query of this very filter and view: `canonical`, with the offsets of its times."""
        return self.written(self.filter, self.view)

    @property
    def time_notes(self) -> tuple[ParameterNote, ...]:
        """The notes, with empty ones for the form's times of which nothing is to be said: their fields point there always."""
        silent = {name: ParameterNote(name, "") for name in ("startCreationTime", "endCreationTime")}
        return tuple({**silent, **{note.parameter: note for note in self.notes}}.values())

    @cached_property
    def first_query(self) -> str:
        """The query of the newest first page."""
        return self.written(self.filter, self.view.first())

    @property
    def plain_query(self) -> str:
        """The query without any filter; zone and language stay."""
        return self.written(JobFilter(), self.view.first())

    def query(self, **changes: str) -> str:
        """Return the query with parameters changed, under the API's names; "" takes one away.

        The place in the list stays only where the question stays the same.
        """
        view = replace(self.view, tz=changes.pop("tz", self.view.tz), lang=changes.pop("lang", self.view.lang))
        changed = self.filter.changed(tz=view.zone.key, **changes)
        return self.written(changed, view if changed == self.filter else view.first())

    def next_query(self, pin: Pin, continuation: Continuation) -> str:
        """Return the query of the page at which the chain of `pin` goes on."""
        return self.place_query(pin, continuation, depth=1)

    def place_query(self, pin: Pin, continuation: Continuation, *, depth: int) -> str:
        """Return the query of `depth` pages together of the chain of `pin`, counted from `continuation`.

        The drawer belongs to the page before.
        """
        shut = self.view.showing("")
        view = shut.at(pin, depth=depth, next_token=continuation.next_token, after=continuation.after)
        return list_query(self.filter, view)

    @property
    def drawn(self) -> tuple[str, str]:
        """The job in the drawer: its bucket, "" where the path says it, and its id, "" while the drawer is closed."""
        return "", self.view.job

    def drawer_query(self, job_id: str, tab: str = TABS[0], *, bucket: str = "") -> str:
        """Return the query of this very place in the list with a job in the drawer; with none where `job_id` is "".

        `bucket` is whose job it is, where the list is of several.
        """
        return self.written(self.filter, self.view.showing(job_id, tab))

    def depth_query(self, pin: Pin, depth: int) -> str:
        """Return the query of `depth` pages together, counted from the page that this query begins with."""
        view = self.view.at(pin, depth=depth, next_token=self.view.next_token, after=self.view.after_text)
        return list_query(self.filter, view)

    def pinned_query(self, pin: Pin) -> str:
        """Return the query of the first page of the list that was opened at `pin`."""
        return list_query(self.filter, self.view.first().at(pin))

    def frozen_query(self, pin: Pin) -> str:
        """Return the query that always shows the list as it was at `pin`."""
        return self.written(self.filter.frozen(pin.time), self.view.first())


@dataclass(frozen=True)
class InsightRequest(ListRequest):
    """What the address of the page about a list's loaded jobs asks for: the list, and which of its jobs are shown.

    `odd` is how they must be odd, `family` the name of the family of failures they must be of, `kind` that of their kind, `ran` the
    bounds of their run time, "" for all.
    """

    odd: str
    family: str
    kind: str
    ran: str

    def narrowed(self, **wanted: str) -> str:
        """Return this page's query with other jobs shown; with none named, all."""
        return encode([*wanted.items(), *self.pairs(self.filter, self.view)])

    def same_page(self, view: View) -> str:
        """Return this page's query over another place in the list, with the same jobs shown."""
        wanted = (("odd", self.odd), ("family", self.family), ("kind", self.kind), ("ran", self.ran))
        return encode([*(pair for pair in wanted if pair[1]), *self.pairs(self.filter, view)])


@dataclass(frozen=True)
class MergedRequest(ListRequest):
    """What the address of a merged list asks for: a list's filter, and of which buckets.

    `buckets` are names in order, or else `group` is their label; neither stands for all that the reader may see.
    """

    buckets: tuple[str, ...]
    group: str

    is_merged: ClassVar[bool] = True

    @property
    def whose(self) -> Mapping[str, str]:
        """The parameters that say whose jobs these are."""
        own = {"bucket": ",".join(self.buckets), "group": "" if self.buckets else self.group}
        return {name: value for name, value in own.items() if value}

    def pairs(self, job_filter: JobFilter, view: View) -> Pairs:
        """Return the canonical parameters of the list of these buckets, with another filter or view."""
        places = view.places
        at = (
            ("pin", ",".join(str(pin) if pin else "-" for pin, _taken in places)),
            ("at", write_counts((taken for _pin, taken in places), view.mark)),
        )
        return [*self.whose.items(), *(pair for pair in at if pair[1]), *list_pairs(job_filter, view)]

    @cached_property
    def chips(self) -> tuple[Chip, ...]:
        """The conditions that narrow the list, each with a query without it."""
        own = encode(self.whose.items())
        return tuple(
            replace(chip, query_without="&".join(filter(None, (own, chip.query_without))))
            for chip in self.filter.chips(self.view)
        )

    @property
    def drawn(self) -> tuple[str, str]:
        """The job in the drawer: its bucket and its id."""
        bucket, _slash, job_id = self.view.job.partition("/")
        return bucket, job_id

    def drawer_query(self, job_id: str, tab: str = TABS[0], *, bucket: str = "") -> str:
        """Return the query of this very place with a job of `bucket` in the drawer; `job_id` may name its bucket itself."""
        named = f"{bucket}/{job_id}" if job_id and "/" not in job_id else job_id
        return super().drawer_query(named, tab)

    def named(self, names: Iterable[str]) -> MergedRequest:
        """Return the request that names its buckets, as one with a place must."""
        return replace(self, buckets=tuple(names), group="")


@dataclass(frozen=True)
class MergedInsightRequest(InsightRequest, MergedRequest):
    """What the address of the page about a merged list's loaded jobs asks for."""


@dataclass(frozen=True)
class CardRequest(MergedRequest):
    """What the address of a portal's card asks for: whose jobs are counted, and which. It has no place in any list.

    `filter` is what the address says, `question` what is asked.
    """

    @property
    def question(self) -> JobFilter:
        """What each bucket is asked: its jobs that failed or aren't over, of the last day unless the address says otherwise."""
        asked = self.filter
        timed = asked.range or asked.start or asked.end
        return replace(
            asked,
            states=asked.states or COUNTED,
            range=asked.range if timed else CARD_RANGE,
            size=LARGEST_SIZE,
        )

    def jobs_query(self, state: str = "", job_id: str = "", *, oldest: bool = False) -> str:
        """Return the query of one bucket's list of the jobs that are counted.

        Args:
            state: the one that is wanted, "" for all.
            job_id: the job that is open beside the list, "" for none.
            oldest: whether the oldest come first.
        """
        return list_query(self._jobs(state, oldest=oldest), self.view.first().showing(job_id))

    def together_query(self, state: str = "") -> str:
        """Return the query of the merged list of the jobs that are counted, of all its buckets."""
        return self.written(self._jobs(state), self.view.first())

    def _jobs(self, state: str, *, oldest: bool = False) -> JobFilter:
        states = (state,) if state else self.question.states
        return replace(self.question, states=states, size=DEFAULT_SIZE, order="Asc" if oldest else DEFAULT_ORDER)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
