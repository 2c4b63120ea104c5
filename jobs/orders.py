"""What readers order of walks: to start one, to stop it, to go on, and to have what it brought. The web's side of `walks`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils.crypto import salted_hmac

from jobs import clock, tasks, walks
from jobs.filters import LARGEST_SIZE
from jobs.models import Walk, WalkBatch
from jobs.problems import ours
from jobs.records import Row, unpack
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import AnonymousUser, User

    from jobs.filters import JobFilter, Pin
    from jobs.models import Bucket
    from jobs.problems import Problem

AT_ONCE = 3
"""Walks that one reader may have under way."""
A_DAY = 30
"""Walks of one reader that are kept: each may fill some megabytes of the database."""


class Broken(Exception):
    """A part of a result is gone, so the file that is being sent can't become whole."""


def of_user(bucket: Bucket, user: User | AnonymousUser) -> list[Walk]:
    """Return the walks of somebody who is signed in through a bucket, the newest first; a stranger has only links."""
    return list(Walk.objects.filter(bucket=bucket, owner=user)[:A_DAY]) if user.is_authenticated else []


def start(bucket: Bucket, user: User | AnonymousUser, reader: str, job_filter: JobFilter, pin: Pin) -> Walk | Problem:
    """Start a walk through the list that `job_filter` shows at `pin`, or return the one that there is of it.

    Args:
        bucket: a bucket that the user may see.
        user: whose it is.
        reader: whom its costs are counted for, as for new questions.
        job_filter: what is asked; how many rows a page has doesn't matter.
        pin: when the list was opened.

    Returns the walk, or why the reader can't have one.
    """
    asked = replace(job_filter, size=LARGEST_SIZE)
    of_reader = Walk.objects.filter(reader=_digest(reader))
    same = of_reader.filter(bucket=bucket, digest=asked.digest, pin=str(pin), state__in=Walk.ONE_OF_A_KIND)
    if found := same.first():
        return found
    if of_reader.filter(state__in=Walk.UNDER_WAY).count() >= AT_ONCE or of_reader.count() >= A_DAY:
        return ours("too_many_walks", retry_after=30)
    try:
        now = clock.now()
        with transaction.atomic():
            walk = Walk.objects.create(
                bucket=bucket,
                owner=user if user.is_authenticated else None,
                reader=_digest(reader),
                filter=asked.params(),
                digest=asked.digest,
                pin=str(pin),
                created=now,
                touched=now,
            )
    except ServerDown:
        return ours("redis_down")
    except IntegrityError:
        return same.get()  # A double click: the other request was faster.
    except DatabaseError:
        return ours("not_stored")  # It was read a moment ago, so it is there.
    keep_going(walk)
    return walk


def cancel(walk: Walk) -> Problem | None:
    """Stop a walk; what came stays, so that it can be resumed. Return why that can't be, None where it is done.

    Raises:
        ServerDown: Redis was never reached.
    """
    now = clock.now()
    under_way = Walk.objects.filter(pk=walk.pk, state__in=Walk.UNDER_WAY)
    try:
        under_way.update(state=Walk.State.CANCELLED, finished=now, touched=now)
    except DatabaseError:
        return ours("not_stored")
    return None


def resume(walk: Walk) -> Walk | Problem:
    """Let a walk that was cancelled or failed go on from where it is; return it, or the other that there is of it by now.

    Raises:
        ServerDown: Redis was never reached.
    """
    stopped = Walk.objects.filter(pk=walk.pk, state__in=(Walk.State.CANCELLED, Walk.State.FAILED))
    if Walk.objects.filter(reader=walk.reader, state__in=Walk.UNDER_WAY).count() >= AT_ONCE:
        return ours("too_many_walks", retry_after=30)
    try:
        with transaction.atomic():
            stopped.update(state=Walk.State.WAITING, finished=None, problem=None, tries=0, touched=clock.now())
    except IntegrityError:
        alike = Walk.objects.filter(reader=walk.reader, bucket=walk.bucket, digest=walk.digest, pin=walk.pin)
        return alike.get(state__in=Walk.ONE_OF_A_KIND)
    except DatabaseError:
        return ours("not_stored")
    keep_going(walk)
    return walk


def keep_going(walk: Walk) -> None:
    """Have a walk gone on with, unless that was asked for a moment ago. Without a broker it waits until beat finds it."""
    with suppress(ServerDown):
        if walks.may_be_nudged(walk.pk):
            tasks.enqueue_walk(walk.pk)


def rows(walk: Walk) -> Iterator[Row]:
    """Yield what a walk brought, in order; one batch at a time is in memory, and no query is open in between.

    Raises:
        Broken: a part of it is gone, or there is more of it than the walk counted.
    """
    count = 0
    for number in range(1, walk.pages + 1):
        packed = WalkBatch.objects.filter(walk=walk, number=number).values_list("rows", flat=True).first()
        if packed is None:
            raise Broken(f"batch {number} of walk {walk.pk} is gone")
        for row in unpack(bytes(packed)):
            count += 1
            yield Row.from_primitives(row)
    if count != walk.rows:
        raise Broken(f"walk {walk.pk} holds {count} rows, not {walk.rows}")


def is_whole(walk: Walk) -> bool:
    """Tell whether everything that a walk counted is there."""
    found = walk.batches.aggregate(batches=Count("pk"), rows=Sum("count"))
    return bool(found["batches"] == walk.pages and (found["rows"] or 0) == walk.rows)


def paces(walk: Walk) -> list[float]:
    """Return how many seconds a second of creation times took: on the whole way, on its last half and on its last fifth."""
    marks = {1, max(1, walk.pages // 2), walk.pages - max(1, walk.pages // 5)}
    found = walk.batches.filter(number__in=marks).values_list("reached", "walked")
    return [
        (walk.walked - walked) / abs(walk.reached - reached)
        for reached, walked in found
        if walk.reached is not None and reached is not None and reached != walk.reached and walk.walked > walked
    ]


def _digest(reader: str) -> str:
    """Return a name for a reader that tells nothing of them: a stranger's holds their address."""
    return salted_hmac("jobs.orders", reader).hexdigest()
