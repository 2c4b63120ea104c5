"""Reads one parameter's value each: what is allowed, what is wrong, and what was probably meant."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from jobs.cloudinfinite.names import LABEL_LENGTH, valid_job_id
from jobs.cloudinfinite.schema import STATES, TYPES
from jobs.insight import SPANS

from . import ranges
from .filter import LARGEST_SIZE, ORDERS
from .pins import Mark, Pin
from .times import UnreadableTime, read_time, similar_zone, zone_names
from .view import TABS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .times import Moment

LONGEST_TEXT = 128
"""Characters of a name (CN 460/76887 allows no longer one), and more than any id has."""
LONGEST_TOKEN = 4096
"""Bytes of a nextToken. Those seen have up to 32."""
MOST_ROWS = 1000
"""Rows that one page shows together."""
AHEAD = 5
"""Seconds that a pin may be ahead of CI's time: our processes learn that time from answers, a moment apart."""

LONGEST_LIVE = 3600
"""Seconds between two ticks of a live list, at most."""

OVERVIEW_RANGES = ("1h", "6h", "24h", "3d", "7d", "30d")
"""Ranges of the overview. Each is a question for every bucket, so that anybody could ask for ever if any range were taken."""
SORTS = ("name", "worst")
ODD = ("waits", "runs", "quick", "ended", "any")
"""Ways in which a job is odd among others, and any of them."""
MOST_PAGES = 1000
"""Pages of an overview, more than anybody has buckets for."""

ALL = "All"


class WrongValue(ValueError):
    """A value that can't be taken. `meant` is the one that was probably meant, "" when nobody can tell."""

    def __init__(self, text: str, meant: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.meant = meant


def read_type(value: str) -> str:
    """Return a kind of job."""
    return _one_of(value, TYPES, _("“%(value)s” is no kind of job. Known are %(allowed)s."))


def read_states(value: str) -> tuple[str, ...]:
    """Return the states of a list with commas. `All` stands for no filter, so it can't stand beside others."""
    given = _unique(part.strip() for part in value.split(","))
    meant = _unique(_meant(part, (*STATES, ALL)) for part in given)
    wrong = [part for part in given if part not in (*STATES, ALL)]
    single = [part for part in meant if part != ALL]
    if wrong:
        text = _("%(values)s: no such state. Known are %(allowed)s; several are joined by commas.")
        values = listed(f"“{shortened(part)}”" for part in wrong)
        raise WrongValue(text % {"values": values, "allowed": listed((*STATES, ALL))}, ",".join(single or meant))
    if ALL in given and single:
        raise WrongValue(_("“All” means every state, so it can't stand beside others."), ",".join(single))
    return tuple(single)


def read_order(value: str) -> str:
    """Return an order of time."""
    return _one_of(value, ORDERS, _("“%(value)s” is no order. Known are %(allowed)s."))


def read_size(value: str) -> int:
    """Return how many rows a page has."""
    text = _("A page has 1 to %(most)s rows, so the size can't be “%(value)s”.")
    return _whole_number(value, LARGEST_SIZE, text % {"most": LARGEST_SIZE, "value": shortened(value)})


def read_depth(value: str) -> int:
    """Return how many pages are shown together."""
    text = _("“%(value)s” is no number of pages: 1 to %(most)s rows are shown together.")
    return _whole_number(value, MOST_ROWS, text % {"most": MOST_ROWS, "value": shortened(value)})


def read_text(value: str) -> str:
    """Return a name or an id. Their shape is not judged: the documents promise none."""
    _check_plain(value)
    if len(value) > LONGEST_TEXT:
        text = _("This has %(length)s characters; at most %(most)s are possible.")
        raise WrongValue(text % {"length": len(value), "most": LONGEST_TEXT})
    return value


def read_named_job(value: str) -> str:
    """Return a job of a merged list: its bucket's name and its id."""
    _check_plain(value)
    bucket, slash, job_id = value.partition("/")
    if not (bucket and slash and valid_job_id(job_id)) or len(bucket) > LABEL_LENGTH:
        text = _(
            "“%(value)s” names no job here. In a list of several buckets a job is named by its bucket and its id: %(form)s."
        )
        raise WrongValue(text % {"value": shortened(value), "form": "media-1250000000/b0123456789abcdef"})
    return value


def read_token(value: str) -> str:
    """Return a nextToken, which is opaque."""
    _check_plain(value)
    if len(value.encode()) > LONGEST_TOKEN:
        raise WrongValue(_("This token is longer than %(most)s bytes.") % {"most": LONGEST_TOKEN})
    return value


def read_tab(value: str) -> str:
    """Return a part of a job."""
    return _one_of(value, TABS, _("“%(value)s” is no part of a job. Known are %(allowed)s."))


def read_range(value: str) -> str:
    """Return a range in its canonical form."""
    if normal := ranges.normal(value):
        return normal
    # 1M may mean a month as well as a minute, so nothing is suggested for it.
    meant = ranges.normal(re.sub(r"[\s_]", "-" if value[:1].isalpha() else "", value.lower()))
    if not meant:
        meant = _near(value, ranges.CALENDAR)
    text = _(
        "“%(value)s” is no range. Write a number and m, h, d or w (minutes, hours, days, weeks; at most %(most)s weeks), "
        "or %(allowed)s."
    )
    values = {"value": shortened(value), "allowed": listed(ranges.CALENDAR), "most": ranges.LONGEST.days // 7}
    raise WrongValue(text % values, "" if value.endswith("M") else meant)


def read_overview_range(value: str) -> str:
    """Return a range of the overview."""
    text = _("“%(value)s” is no range of the overview. Known are %(allowed)s; a bucket's own list takes any.")
    hours = {
        "1d": "24h",
        "day": "24h",
        "24": "24h",
        "today": "24h",
        "1w": "7d",
        "week": "7d",
        "4w": "30d",
        "month": "30d",
    }
    return _one_of(ranges.normal(value) or value, OVERVIEW_RANGES, text, hours.get(value.lower(), ""))


def read_sort(value: str) -> str:
    """Return an order of the overview's rows."""
    return _one_of(value, SORTS, _("“%(value)s” is no order of the overview. Known are %(allowed)s."))


def read_odd(value: str) -> str:
    """Return a way in which jobs are odd."""
    return _one_of(value, ODD, _("“%(value)s” is no way to be odd. Known are %(allowed)s."))


def read_family(value: str) -> str:
    """Return the name of a family of failures."""
    return _made_name(
        value, _("“%(value)s” is no family of failures. Its name comes with a link and can't be made up.")
    )


def read_kind(value: str) -> str:
    """Return the name of a kind of jobs."""
    return _made_name(value, _("“%(value)s” is no kind of jobs. Its name comes with a link and can't be made up."))


def read_ran(value: str) -> str:
    """Return the bounds of a run time, in seconds."""
    return _one_of(value, SPANS, _("“%(value)s” is no run time that is counted. Known are %(allowed)s, in seconds."))


def _made_name(value: str, text: str) -> str:
    """Return a name that insight has made."""
    if re.fullmatch(r"[0-9a-f]{12}", value):
        return value
    raise WrongValue(text % {"value": shortened(value)})


def read_number(value: str) -> str:
    """Return the number of a page of the overview, in its canonical form."""
    text = _("“%(value)s” is no page: pages are counted from 1.")
    return str(_whole_number(value, MOST_PAGES, text % {"value": shortened(value)}))


def read_zone(value: str) -> str:
    """Return the name of a time zone."""
    if value in zone_names():
        return value
    text = _("“%(value)s” is no time zone. Zones are named as in Asia/Shanghai, Europe/Berlin or UTC.")
    raise WrongValue(text % {"value": shortened(value)}, similar_zone(value) if len(value) <= LONGEST_TEXT else "")


def read_language(value: str) -> str:
    """Return one of our languages."""
    languages = [code for code, _name in settings.LANGUAGES]
    base = value.lower().replace("_", "-").partition("-")[0]
    meant = next((code for code in languages if code.partition("-")[0] == base), "")
    return _one_of(value, languages, _("“%(value)s” is no language of ours. Known are %(allowed)s."), meant)


def read_live(value: str) -> str:
    """Return how often a list is looked at anew, in its canonical form: `off`, or seconds or minutes up to an hour."""
    match = re.fullmatch(r"([0-9]{1,4})([sm]?)", value.lower())
    seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
    meant = f"{min(seconds, LONGEST_LIVE)}s" if seconds else _near(value, ["off"])
    if value == "off" or value == meant:
        return value
    text = _("“%(value)s” is no interval. Write off, or seconds such as 60s, at most an hour.")
    raise WrongValue(text % {"value": shortened(value)}, meant)


def read_moment(value: str, zone: ZoneInfo, *, is_end: bool) -> Moment:
    """Return a time; `is_end` tells which end of a stretch it is, as for `read_time`."""
    allowed = _("Write it as 2022-06-27T15:23:10+0800; without an offset it is read in %(zone)s.")
    try:
        return read_time(value, zone, is_end=is_end)
    except UnreadableTime as error:
        text = {
            "form": _("“%(value)s” is no time."),
            "date": _("“%(value)s” is no time that can be asked for."),
            "fraction": _("“%(value)s” has parts of a second, but whole seconds are all that can be asked for."),
            "skipped": _("“%(value)s” does not exist in %(zone)s: the clocks go forward and skip it."),
        }[error.reason]
        values = {"value": shortened(value), "zone": zone.key}
        raise WrongValue(f"{text} {allowed}" % values, error.meant) from None


def read_pin(value: str, now: float) -> Pin:
    """Return the pin of a list that was opened before `now`, CI's time in unix seconds."""
    try:
        pin = Pin.parse(value)
    except ValueError:
        text = _("“%(value)s” is no pin. A pin comes with a link to a place in a list and can't be made up.")
        raise WrongValue(text % {"value": shortened(value)}) from None
    if max(pin.end, pin.opened / 1000) > now + AHEAD:
        raise WrongValue(_("This pin lies in the future, but a pin says when a list was opened."))
    return pin


def read_bucket_names(value: str) -> tuple[str, ...]:
    """Return the names of buckets, joined by commas. Which there are is not known here."""
    _check_plain(value)
    return tuple(sorted(set(filter(None, (part.strip() for part in value.split(","))))))


def read_pins(value: str, now: float) -> tuple[Pin | None, ...]:
    """Return the pins of several lists, joined by commas; "-" stands for one that takes no part."""
    return tuple(None if part == "-" else read_pin(part, now) for part in value.split(","))


def read_counts(value: str) -> tuple[tuple[int, ...], Mark | None]:
    """Return how many rows of several lists are shown already, joined by dots, and the mark of the last of them, if there is one."""
    counts, dash, mark = value.partition("-")
    try:
        if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,7})*", counts):
            raise ValueError(counts)
        return tuple(int(part) for part in counts.split(".")), Mark.parse(mark) if dash else None
    except ValueError:
        text = _("“%(value)s” says not where a list goes on. Such a place comes with a link and can't be made up.")
        raise WrongValue(text % {"value": shortened(value)}) from None


def write_counts(counts: Iterable[int], mark: Mark | None) -> str:
    """Return what `read_counts` reads, "" for nothing."""
    return "-".join(filter(None, (".".join(map(str, counts)), str(mark or ""))))


def shortened(value: str) -> str:
    """Return what somebody wrote, short enough to be told back."""
    return value if len(value) <= 60 else f"{value[:59]}…"


def _one_of(value: str, allowed: Collection[str], text: str, meant: str = "") -> str:
    if value in allowed:
        return value
    raise WrongValue(text % {"value": shortened(value), "allowed": listed(allowed)}, meant or _near(value, allowed))


def _whole_number(value: str, most: int, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise WrongValue(text)
    number = int(value)
    if not 1 <= number <= most:
        raise WrongValue(text, str(min(max(number, 1), most)))
    return number


def _check_plain(value: str) -> None:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise WrongValue(_("This holds control characters."))
    if "\N{REPLACEMENT CHARACTER}" in value:
        raise WrongValue(_("This is no readable text. It must be encoded as UTF-8."))


def _meant(value: str, allowed: Collection[str]) -> str:
    return value if value in allowed else _near(value, allowed)


def _near(value: str, allowed: Collection[str]) -> str:
    """Return the allowed value that looks like `value`, "" when none does."""
    if len(value) > LONGEST_TEXT:
        return ""
    by_lower = {name.lower(): name for name in allowed}
    near = get_close_matches(value.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[near[0]] if near else ""


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, words)))


def listed(words: Iterable[str]) -> str:
    """Return words one after the other, as the reader's language separates them."""
    return _(", ").join(words)
