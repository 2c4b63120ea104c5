"""What an address asks for, and the only reader of `request.GET`: query -> filter and view -> the same query.

Inside, each module imports only what stands to its right:
form -> parsing -> reading -> grammar -> values -> filter -> queries -> view -> (words | terms) -> (ranges | pins | vocabulary) -> times
"""

from __future__ import annotations

from .filter import JobFilter
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
from .view import TABS, View

__all__ = [
    "EXAMPLES",
    "TABS",
    "BucketsRequest",
    "Chip",
    "Choice",
    "Field",
    "FormState",
    "JobFilter",
    "JobRequest",
    "ListRequest",
    "ParameterError",
    "ParameterNote",
    "Pin",
    "View",
    "form_fields",
    "job_query",
    "list_query",
    "parse_buckets",
    "parse_job",
    "parse_list",
]
