"""What an address asks for, and the only reader of `request.GET`: query -> filter and view -> the same query.

Inside, each module imports only what stands to its right:
(form | shown) -> parsing -> reading -> values -> filter -> queries -> view -> words -> (ranges | pins) -> times
"""

from __future__ import annotations

from .filter import LARGEST_SIZE, JobFilter
from .form import Choice, Field, FormState, form_fields
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
from .view import View

__all__ = [
    "LARGEST_SIZE",
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
