r"""A filter as one line of text: `state:failed,pause type:job name:nightly created:24h`.

    text    = term*                  separated by spaces
    term    = key ":" value | value  a value alone is a part of the name
    value   = word | quoted          quoted stands between " and ", with \" and \\ for the two themselves
    state   = word ("," word)*
    created = range | day | from ".." until | ("<" | "<=" | ">" | ">=") time    from or until may be missing

Keys and words are read in any case, in English and in Chinese, and punctuation as Chinese keyboards write it. Words without
a key are the name: that is the only free text that the API can search. Several of them are one name.

What is written is canonical: `parse(write(f, zone), zone)` gives f back, whatever the filter, in the zone that f is shown in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from . import vocabulary
from .filter import DEFAULT_ORDER, DEFAULT_SIZE, JobFilter
from .terms import Slip, quoted, scan
from .times import end_of_day, local_text, read_day, start_of_day, write_time
from .values import WrongValue, listed, read_moment, read_range, read_size, read_text, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from .terms import Term, Value

_COMPARED = re.compile(r"(<=|>=|<|>)\s*(.*)")
_CHINESE_RANGE = re.compile(rf"(?:最近|近|过去)?([0-9]+)({'|'.join(vocabulary.UNITS)})")
_ID = re.compile(r"[a-z][0-9a-f]{32}")
"""What ids of jobs and workflows have looked like so far; no grammar is published."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The filter as far as it was understood, and what is wrong with the rest, in the order of the text."""

    filter: JobFilter
    slips: tuple[Slip, ...]


def parse(text: str, zone: ZoneInfo) -> Parsed:
    """Return the filter that a text means.

    Args:
        text: what somebody wrote.
        zone: whose days and calendar ranges are meant, and where times without an offset are read.
    """
    terms, slips = scan(text)
    meaning = _Meaning(zone, slips)
    for term in terms:
        meaning.take(term)
    job_filter = meaning.filter(terms)
    return Parsed(job_filter, tuple(sorted(slips, key=lambda slip: slip.start)))


def write(job_filter: JobFilter, zone: ZoneInfo) -> str:
    """Return the one text of a filter. Whole days of `zone` stand in it as days, other times with the offset of `zone`."""
    values = {
        "state": ",".join(job_filter.states).lower(),
        "type": job_filter.type.lower(),
        "name": quoted(job_filter.name),
        "id": quoted(job_filter.job_id),
        "workflow": quoted(job_filter.workflow_id),
        "created": job_filter.range or _stretch(job_filter.start, job_filter.end, zone),
        "order": "oldest" if job_filter.order != DEFAULT_ORDER else "",
        "size": str(job_filter.size) if job_filter.size != DEFAULT_SIZE else "",
    }
    return " ".join(f"{key}:{value}" for key, value in values.items() if value)


def likelier(name: str) -> dict[str, str]:
    """Return what somebody may have meant who looked for jobs of this name, as parameters under the API's names.

    Words without a key are a name, and a state or an id is easily written without its key. Empty where nothing suggests it.
    """
    word = name.casefold()
    if (state := vocabulary.STATES.get(word, "All")) != "All":
        return {"states": state}
    if kind := vocabulary.KINDS.get(word):
        return {"type": kind}
    if _ID.fullmatch(word):
        return {"workflowId" if word.startswith("w") else "jobId": word}
    return {}


def _stretch(start: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    if not start and not end:
        return ""
    first, last = (time.astimezone(zone).date() if time else None for time in (start, end))
    if (not first or start_of_day(first, zone) == start) and (not last or end_of_day(last, zone) == end):
        return str(first) if first == last else f"{first or ''}..{last or ''}"
    return f"{write_time(start, zone) if start else ''}..{write_time(end, zone) if end else ''}"


class _Meaning:
    """What the terms of one text ask for. What is wrong with them goes into `slips`."""

    def __init__(self, zone: ZoneInfo, slips: list[Slip]) -> None:
        self._zone = zone
        self._slips = slips
        self._values: dict[str, Any] = {}
        self._keys: set[str] = set()
        self._states: list[str] = []

    def take(self, term: Term) -> None:
        """Take one term with a key; those without are taken together in the end."""
        key, value = term.key, term.value
        if not key:
            return
        if key in self._keys and key not in {"state", "created"}:
            text = _("“%(key)s” is given already. Give it once.") % {"key": key}
            self._slips.append(Slip(text, term.start, value.end))
            return
        self._keys.add(key)
        try:
            match key:
                case "state":
                    self._take_states(value)
                case "type":
                    text = _("“%(value)s” is no kind of job. Known are %(allowed)s.")
                    self._values["type"] = _meant(value.text, vocabulary.KINDS, ("job", "workflow"), text)
                case "name" | "id" | "workflow":
                    name = {"name": "name", "id": "job_id", "workflow": "workflow_id"}[key]
                    self._values[name] = read_text(value.text)
                case "created":
                    self._take_created(value)
                case "order":
                    text = _("“%(value)s” is no order. Known are %(allowed)s.")
                    self._values["order"] = _meant(value.text, vocabulary.ORDERS, ("newest", "oldest"), text)
                case "size":
                    self._values["size"] = read_size(value.text)
        except WrongValue as wrong:
            self._refuse(value, wrong)

    def filter(self, terms: Sequence[Term]) -> JobFilter:
        """Return the filter of all that was taken, the words without a key being its name."""
        bare = [term.value for term in terms if not term.key]
        if bare and "name" in self._keys:
            text = _("The name is given already. Put a name with spaces between quotation marks.")
            self._slips += [Slip(text, value.start, value.end) for value in bare[:1]]
        elif bare:
            name = " ".join(value.text for value in bare).strip()
            try:
                self._values["name"] = read_text(name)
            except WrongValue as wrong:
                self._slips.append(Slip(wrong.text, bare[0].start, bare[-1].end))
        return JobFilter(states=tuple(self._states), zone=self._zone.key, **self._values)

    def _refuse(self, value: Value, wrong: WrongValue) -> None:
        self._slips.append(Slip(wrong.text, value.start, value.end, quoted(wrong.meant)))

    def _take_states(self, value: Value) -> None:
        allowed = [state.lower() for state in dict.fromkeys(vocabulary.STATES.values())]
        text = _("“%(value)s” is no state. Known are %(allowed)s; several are joined by commas.")
        every = False
        for part in value.listed:
            try:
                state = _meant(part.text, vocabulary.STATES, allowed, text)
            except WrongValue as wrong:
                self._refuse(part, wrong)
                continue
            every = every or state == "All"
            if state != "All":
                self._states.append(state)
        if every and self._states:
            raise WrongValue(
                _("“All” means every state, so it can't stand beside others."), ",".join(self._states).lower()
            )

    # The creation time ----------------------------------------------------------------------------------------------------

    def _take_created(self, value: Value) -> None:
        written = value.text
        if found := _COMPARED.fullmatch(written):
            sign, time = found[1], found[2]
            is_end = sign in {"<=", ">"}
            moment = self._moment(time, is_end=is_end)
            shift = {">": _SECOND, "<": -_SECOND}.get(sign, timedelta())
            self._bind(**{"start" if ">" in sign else "end": moment + shift})
        elif ".." in written:
            first, _dots, last = (part.strip() for part in written.partition(".."))
            if not first and not last:
                raise WrongValue(_("A stretch of time needs a start or an end, as in 2026-11-01..2026-11-05."))
            self._bind(
                start=self._moment(first, is_end=False) if first else None,
                end=self._moment(last, is_end=True) if last else None,
            )
        elif day := read_day(written):
            self._bind(start=start_of_day(day, self._zone), end=end_of_day(day, self._zone))
        elif re.match(r"[0-9]{4}-", written):
            self._moment(written, is_end=False)
            raise WrongValue(_("A moment alone can't be asked for: put >= or <= before it."), f">={written}")
        else:
            self._bind(range=_range(written))

    def _moment(self, written: str, *, is_end: bool) -> datetime:
        if day := read_day(written):
            return end_of_day(day, self._zone) if is_end else start_of_day(day, self._zone)
        return read_moment(written, self._zone, is_end=is_end).time

    def _bind(self, **ends: object) -> None:
        """Take a start, an end or a range, if nothing stands against it."""
        new: dict[str, object] = {name: end for name, end in ends.items() if end}
        kept: dict[str, object] = {
            name: self._values[name] for name in ("start", "end", "range") if name in self._values
        }
        if new.keys() & kept.keys() or (kept and "range" in {*new, *kept}):
            raise WrongValue(_("When jobs were created is given already. Give one range, or a start and an end."))
        start, end = ({**kept, **new}.get(name) for name in ("start", "end"))
        if isinstance(start, datetime) and isinstance(end, datetime) and start > end:
            text = _("The start, %(start)s, is later than the end, %(end)s (%(zone)s), so nothing can lie between.")
            times = {"start": local_text(start, self._zone), "end": local_text(end, self._zone)}
            raise WrongValue(text % {**times, "zone": self._zone.key})
        self._values |= new


def _range(written: str) -> str:
    """Return a range in its canonical form, or refuse it."""
    if found := _CHINESE_RANGE.fullmatch(written):
        written = f"{found[1]}{vocabulary.UNITS[found[2]]}"
    # 1M may mean a month as well as a minute.
    lower = written if written.endswith("M") else written.casefold()
    return read_range(vocabulary.RANGES.get(lower, lower))


def _meant(written: str, known: Mapping[str, str], allowed: Sequence[str], text: str) -> str:
    """Return what a word means, or refuse it with the nearest that is known; `text` says why."""
    if meaning := known.get(written.casefold()):
        return meaning
    near = get_close_matches(written.casefold()[:100], known, n=1, cutoff=0.6)
    values = {"value": shortened(written), "allowed": listed(allowed)}
    raise WrongValue(text % values, near[0] if near else "")
