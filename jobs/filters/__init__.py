"""What an address asks for, and the only reader of `request.GET`: query -> filter and view -> the same query.

Inside, each module imports only what stands to its right:
(form | shown) -> parsing -> asked -> reading -> grammar -> terms -> values -> filter -> queries -> (view | words) -> (ranges | pins | vocabulary) -> times
"""

from __future__ import annotations

from .asked import (
    CardRequest,
    InsightRequest,
    JobRequest,
    ListRequest,
    MergedInsightRequest,
    MergedRequest,
    OverviewRequest,
    ParameterError,
)
from .filter import LARGEST_SIZE, JobFilter
from .form import EXAMPLES, Choice, Field, FormState, form_fields
from .parsing import (
    parse_card,
    parse_insight,
    parse_job,
    parse_list,
    parse_merged,
    parse_merged_insight,
    parse_overview,
)
from .pins import MOST_MARKED, Mark, Pin
from .queries import Chip, job_query, list_query
from .reading import ParameterNote
from .shown import LiveRequest, Shown, parse_live, parse_merged_live
from .values import OVERVIEW_RANGES
from .view import TABS, View

__all__ = [
    "EXAMPLES",
    "LARGEST_SIZE",
    "MOST_MARKED",
    "OVERVIEW_RANGES",
    "TABS",
    "CardRequest",
    "Chip",
    "Choice",
    "Field",
    "FormState",
    "InsightRequest",
    "JobFilter",
    "JobRequest",
    "ListRequest",
    "LiveRequest",
    "Mark",
    "MergedInsightRequest",
    "MergedRequest",
    "OverviewRequest",
    "ParameterError",
    "ParameterNote",
    "Pin",
    "Shown",
    "View",
    "form_fields",
    "job_query",
    "list_query",
    "parse_card",
    "parse_insight",
    "parse_job",
    "parse_list",
    "parse_live",
    "parse_merged",
    "parse_merged_insight",
    "parse_merged_live",
    "parse_overview",
]
