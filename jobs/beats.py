"""What beat asks for: tasks of which one waits at a time, and few where no worker takes them: they must not fill the broker."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from django.conf import settings
from kombu.exceptions import OperationalError

from jobs import servers
from jobs.claims import TASK_LIFE
from jobs.queues import AT_ONCE, key_of
from jobs.servers import ServerDown

logger = logging.getLogger(__name__)

CROWDED = 50
"""Tasks in a queue beside which no tick is sent."""


class Tick(Task[Any, Any]):
    """A task that beat sends every few seconds."""

    def apply_async(self, *arguments: Any, **options: Any) -> Any:
        """Enqueue it, unless one waits or runs already or the broker can't take it; the next will do.

        Of one that nobody took for half a minute nothing is known any more: then it is sent anew while few wait in its queue.
        """
        try:
            with servers.broker().connection() as client:
                is_crowded = int(client.llen(key_of(str(options.get("queue"))))) >= CROWDED
                if not is_crowded and client.set(self.waiting, 1, nx=True, px=TASK_LIFE):
                    return super().apply_async(*arguments, **{**options, **AT_ONCE})
        except Exception as error:
            if not isinstance(error, (OperationalError, ServerDown)) and not servers.is_trouble(error):
                raise
            logger.warning("%s is not asked for: the broker can't be reached", self.name)
        return None

    @property
    def waiting(self) -> str:
        """The key that stands on the broker while one waits or runs."""
        return f"tick:{settings.CACHE_VERSION}:{self.name}"

    def done(self) -> None:
        """Say that it has run, so that the next may wait.

        Raises:
            ServerDown: the broker can't be reached.
        """
        with servers.broker().connection() as client:
            client.delete(self.waiting)
