"""Jobs as a file to keep: sent line by line, so that its length costs no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from jobs import export, twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from jobs.records import Row

Form = Literal["csv", "jsonl"]

TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
BLOCK = 32 * 1024
"""Characters that are sent together."""


def as_file(
    form: Form,
    rows: Iterable[Row],
    *,
    name: str,
    told: str,
    head: Mapping[str, Any],
    zone: ZoneInfo,
    owners: Sequence[str] | None = None,
) -> StreamingHttpResponse:
    """Return rows as a download.

    Args:
        form: which kind of file.
        rows: read while the file is sent.
        name: the file's, without its ending; letters, digits, `-`, `_` and `.` only.
        told: what the file holds, in a sentence, for a CSV.
        head: the same as data, for JSON Lines.
        zone: in which a CSV tells times.
        owners: the bucket of each row; None where all are of one.

    Demo data says in all three that it is: it may lie beside an account's own one day.
    """
    if settings.DEMO:
        name, told, head = f"demo_{name}", f"{_('Demo data')} · {told}", {"demo": True, **head}
    if form == "csv":
        lines = export.csv_lines(((row.job, row.masked) for row in rows), zone, told, owners)
    elif owners is None:
        lines = export.json_lines(head, map(twins.job, rows))
    else:
        owned = zip(rows, owners, strict=True)
        lines = export.json_lines(head, ({**twins.job(row), export.OWNER: owner} for row, owner in owned))
    return StreamingHttpResponse(
        _blocks(lines),
        content_type=TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )


def _blocks(lines: Iterable[str]) -> Iterator[bytes]:
    block: list[str] = []
    length = 0
    for line in lines:
        block.append(line)
        length += len(line)
        if length >= BLOCK:
            yield "".join(block).encode()
            block.clear()
            length = 0
    yield "".join(block).encode()
