"""Notices that a credential changed, so that what went wrong under the old one counts no more."""

from __future__ import annotations

import logging

from jobs import claims, clock, credentials, troubles

logger = logging.getLogger(__name__)


class Rotation:
    """What one worker has seen of the credentials.

    Each worker compares with what it has seen itself: while two hold different keys, as in a rolling restart, what the one has must
    not look to the other like a change at every beat, or no refusal would be remembered. Only its first look is compared with what
    the fleet has seen, because a worker that starts may have been given another key.
    """

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def look(self) -> None:
        """Let problems of credentials that changed count no more: a worker calls it with each heartbeat.

        Raises:
            ServerDown: broker or cache can't be reached. What was to be marked is marked at the next look.
        """
        for name in credentials.names():
            try:
                found = credentials.fingerprint(name)
            except credentials.MissingCredential:
                continue  # A fetch that needs it says what is missing.
            before = self._seen.get(name)
            if found == before:
                claims.remember_credential(name, found)
            elif claims.credential_changed(name, found) or before is not None:
                self._seen.setdefault(name, "")  # so that it is a change at the next look, too, if marking fails
                troubles.mark_credential_changed(name, clock.now())
                logger.info("credential %s changed; its problems are dropped", name)
            self._seen[name] = found
