"""What an address asks for, and the only reader of `request.GET`: query -> filter and view -> the same query.

Inside, each module imports only what stands to its right:
(form | shown) -> parsing -> reading -> grammar -> values -> filter -> queries -> view -> (words | terms) -> (ranges | pins | vocabulary) -> times
"""

from __future__ import annotations

from .filter import LARGEST_SIZE, JobFilter
from .form import EXAMPLES, Choice, Field, FormState, form_fields
from .parsing import (
    BucketsRequest,
    JobRequest,
    ListRequest,
    ParameterError,
    parse_buckets,
    parse_job,
    parse_list,
)
from .pins import Pin
from .queries import Chip, job_query, list_query
from .reading import ParameterNote
from .shown import LiveRequest, Shown, parse_live
from .view import TABS, View

__all__ = [
    "EXAMPLES",
    "LARGEST_SIZE",
    "TABS",
    "BucketsRequest",
    "Chip",
    "Choice",
    "Field",
    "FormState",
    "JobFilter",
    "JobRequest",
    "ListRequest",
    "LiveRequest",
    "ParameterError",
    "ParameterNote",
    "Pin",
    "Shown",
    "View",
    "form_fields",
    "job_query",
    "list_query",
    "parse_buckets",
    "parse_job",
    "parse_list",
    "parse_live",
]
