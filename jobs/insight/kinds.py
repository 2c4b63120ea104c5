"""What jobs have in common: kinds that are compared and counted, and the names of kinds and families in an address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.cloudinfinite.schema import Job

DIGITS = 12
"""Hexadecimal digits of a name in an address."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What jobs have in common: their type, and a workflow, template or tag, "" where they name none."""

    type: str
    of: str

    @property
    def name(self) -> str:
        """The kind's name in an address."""
        return name_of(self.type, self.of)


def kind_of(job: Job) -> Kind:
    """Return what a job has in common with others: the most telling of what it names."""
    workflows = ",".join(job.workflow_ids)
    return Kind(job.type, workflows or job.template_id or job.tag or "")


def name_of(*parts: str) -> str:
    """Return a name for an address: the same wherever the same parts are met."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]
