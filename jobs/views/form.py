"""The filter form, rendered once per question: it costs more than the rest of a warm page, and is equal for every reader."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from jobs import filters

if TYPE_CHECKING:
    from jobs.filters import ListRequest


def form_html(asked: ListRequest, bucket_name: str, *, embedded: bool, part: str = "filters") -> SafeString:
    """Return the form that shows what was asked, and what is wrong with it.

    Args:
        asked: the address as it was read.
        bucket_name: whose list the form asks for, "" where that is one of several buckets.
        embedded: whether its answers stay under `/embed`.
        part: `filters`, or `text_box` for what changes when the form beside it is sent.
    """
    if asked.errors or asked.notes:
        return _render(asked, bucket_name, embedded=embedded, part=part)
    # Else this query is all that the form shows; `asked` itself holds the place in the list, too.
    return _kept(asked.first_query, bucket_name, embedded, part, get_language())


@lru_cache(maxsize=256)
def _kept(query: str, bucket_name: str, embedded: bool, part: str, _language: str | None) -> SafeString:
    parse = filters.parse_list if bucket_name else filters.parse_merged
    # No pin stands in it, so the time doesn't matter.
    return _render(parse(QueryDict(query), now=0.0), bucket_name, embedded=embedded, part=part)


def _render(asked: ListRequest, bucket_name: str, *, embedded: bool, part: str) -> SafeString:
    form = filters.form_fields(asked)
    seldom = (form.job_id, form.workflow_id, form.start, form.end)
    context = {
        "form": form,
        "bucket": bucket_name,
        "asked": asked,
        "zone": asked.view.zone,
        "embedded": embedded,
        "examples": filters.EXAMPLES,
        "out_of_band": part == "text_box",
        "more_open": any(field.value or field.errors for field in seldom) or bool(form.size.errors),
    }
    # What the template engine has escaped once is not escaped again when it is put into the page.
    return SafeString(render_to_string(f"jobs/job_list.html#{part}", context))
