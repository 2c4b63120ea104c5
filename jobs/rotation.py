"""Notices that a credential changed or came back, so that what went wrong under the old one counts no more."""

from __future__ import annotations

import logging

from jobs import claims, clock, credentials, troubles

logger = logging.getLogger(__name__)

MISSING = ""
"""Stands for the fingerprint of a credential that is not complete, or whose file can't be read."""


class Rotation:
    """What one worker has seen of the credentials.

    Each worker remembers its own: while two hold different keys, as in a rolling restart, what the one has must not look to the
    other like a change at every beat, or no refusal would be remembered. Only a worker that has just started compares with
    what the fleet saw last, because its environment may be a new one.
    """

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def look(self) -> None:
        """Let problems of credentials that changed count no more: a worker calls it with each heartbeat.

        Raises:
            ServerDown: broker or cache can't be reached.
        """
        for name in credentials.names():
            try:
                found = credentials.fingerprint(name)
            except credentials.MissingCredential:
                found = MISSING  # A fetch that needs it says what is missing.
            before = self._seen.get(name)
            if found == before:
                continue
            if found != MISSING and (claims.credential_changed(name, found) or before is not None):
                logger.info("credential %s changed; its problems are dropped", name)
                troubles.mark_credential_changed(name, clock.now())
            self._seen[name] = found
