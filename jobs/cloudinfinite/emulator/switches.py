"""The switches: one for each open question of ci-api.md §11 that shows on the wire.

Alone responsible for their names and values. The first value of each is the default, the proposal marked EMU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

CHOICES: dict[str, tuple[str, ...]] = {
    "tokens": ("cursor", "offset"),
    "end_of_list": ("missing", "empty"),
    "name": ("exact", "prefix", "substring"),
    "errors": ("ci", "cos"),
    "bad_size": ("400", "clamp"),
    "unknown_id": ("200", "404"),
    "job_level": ("absent", "present"),
    "media_regions": ("all", "own"),
    "filters": ("and", "or", "job_id_alone"),
    "token_header": ("either", "ci", "cos"),
    "bad_value": ("400", "ignore"),
    "tokens_live": ("endlessly", "minute"),
}
"""Switch -> its values, the default first. Seeded walks draw from these in order, so one more gives every seed another meaning."""


@dataclass(frozen=True)
class Switches:
    """How the emulator behaves where nobody knows what CI does.

    tokens         is NextToken a row cursor, or an offset into the filtered list (rows shift when jobs come or leave)
    end_of_list     is the NextToken element missing or empty on the last page
    name           how the `name` parameter matches
    errors         does a wrong signature or host get CI's answer or COS's (other codes, statuses, headers, a Resource node)
    bad_size       is a `size` outside 1..100 refused or clamped
    unknown_id     is an unknown job id 200 with NonExistJobIds, or 404
    job_level      do Tag, QueueId and Progress stand at the level of JobsDetail too
    media_regions  does /mediabucket of one region list the buckets of all regions or its own
    filters        which filters must a job pass: each, any, or the jobId alone where one is given. Times are bounds of any
    token_header   which header must hold a temporary credential's token: x-ci-security-token, x-cos-security-token
    bad_value      is a state, type, order or time that can't be read refused or taken for absent
    tokens_live    is a NextToken good for ever, or refused when it is older than a minute
    """

    tokens: str = "cursor"
    end_of_list: str = "missing"
    name: str = "exact"
    errors: str = "ci"
    bad_size: str = "400"
    unknown_id: str = "200"
    job_level: str = "absent"
    media_regions: str = "all"
    filters: str = "and"
    token_header: str = "either"  # noqa: S105  # a header's name
    bad_value: str = "400"
    tokens_live: str = "endlessly"

    def changed(self, values: Mapping[str, Any]) -> Switches:
        """A copy with some switches set. Raises ValueError for an unknown switch or value."""
        for name, value in values.items():
            if value not in CHOICES.get(name, ()):
                raise ValueError(f"no switch {name}={value}; choices: {CHOICES.get(name) or sorted(CHOICES)}")
        return replace(self, **values)

    def as_dict(self) -> dict[str, str]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
