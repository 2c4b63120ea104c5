"""What Redis remembers: chains free of repeats, ends that are found, and problems that concern whom they should."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from jobs import cache, servers
from jobs.chains import Step
from jobs.cloudinfinite.schema import Job
from jobs.completeness import Completeness
from jobs.filters import JobFilter, Pin
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion, Row

pytestmark = pytest.mark.usefixtures("empty_redis")

BUCKET = "media-prod-1250000000"
PIN = Pin(end=1_700_000_000, opened=1_700_000_002_000)
LIST = JobFilter()
HEAD = PageQuestion(BUCKET, LIST)


def row(job_id: str, state: str = "Success") -> Row:
    return Row(Job({"JobId": job_id, "State": state, "Name": "n"}), ("Operation.UserData",))


def page_of(*job_ids: str, token: str = "", place: str = "first", as_of: float = 100.0, received: int = 0) -> Page:
    return Page(
        bucket=BUCKET,
        region="ap-guangzhou",
        digest=LIST.digest,
        pin=PIN,
        n=None,
        rows=tuple(row(job_id) for job_id in job_ids),
        received=received or len(job_ids),
        repeats=0,
        next=Continuation(token) if token else None,
        end="",
        request_id="req",
        as_of=as_of,
        place=place,
    )


def question_for(token: str) -> PageQuestion:
    return PageQuestion(BUCKET, LIST, PIN, Continuation(token) if token else None)


def store(page: Page, token: str = "", *, head: bool = False, person: bool = True) -> bool:
    """Store `page` as the one that the continuation `token` leads to."""
    question = HEAD if head else question_for(token)
    placed = replace(page, place=question.place)
    return cache.store_page(question, placed, step_to(page.next), moves_head=head, person=person)


def step_to(following: Continuation | None, last: int = 0) -> Step:
    """What an answer means that gave no creation times, or ended with one."""
    time = datetime.fromtimestamp(last, UTC) if last else None
    return Step(following, (), time, time)


def find(token: str = "", *, head: bool = False) -> Page | None:
    return cache.find_page(HEAD if head else question_for(token), "default", person=True).page


def ids(page: Page | None) -> list[str]:
    assert page is not None
    return [row.job.job_id for row in page.rows]


def test_nothing_is_found_in_an_empty_cache() -> None:
    assert cache.find_page(HEAD, "default", person=True) == cache.Found()


def test_head_leads_to_the_page_of_the_newest_chain() -> None:
    page = page_of("b1", "b2", token="t+/=")

    store(page, head=True)

    read = replace(page, n=1, so_far=Completeness(1, 2, 2))
    assert find(head=True) == read
    assert find() == read


def test_row_that_an_earlier_page_showed_is_dropped_and_counted() -> None:
    store(page_of("b1", "b2", token="t2"), head=True)

    store(page_of("b2", "b3", token="t3"), "t2")

    second = find("t2")
    assert second is not None
    assert (ids(second), second.received, second.repeats, second.n) == (["b3"], 2, 1, 2)


def test_same_page_stored_again_keeps_its_rows() -> None:
    store(page_of("b1", "b2", token="t2"), head=True)
    store(page_of("b3", "b4", token="t3"), "t2")

    store(page_of("b3", "b4", token="t3", as_of=200), "t2")

    assert ids(find("t2")) == ["b3", "b4"]


def test_older_answer_never_replaces_a_newer_one() -> None:
    store(page_of("new", as_of=200), head=True)

    stored = store(page_of("old", as_of=199), head=True)

    assert stored is False
    assert ids(find()) == ["new"]


@pytest.mark.parametrize(
    ("rows", "token", "end"),
    [
        (["b3"], "", "missing"),
        (["b3"], "t2", "repeated"),
        (["b3"], "t1", ""),
        (["b1", "b2"], "t3", ""),
        ([], "t3", ""),
    ],
)
def test_chain_ends_where_nothing_can_follow(rows: list[str], token: str, end: str) -> None:
    store(page_of("b1", "b2", token="t2"), head=True)

    store(page_of(*rows, token=token), "t2")

    second = find("t2")
    assert second is not None
    assert (second.end, second.next is None) == (end, end != "")


def test_token_that_led_to_an_earlier_page_ends_the_chain() -> None:
    store(page_of("b1", token="t2"), head=True)
    store(page_of("b2", token="t3"), "t2")

    store(page_of("b3", token="t2"), "t3")

    third = find("t3")
    assert third is not None
    assert third.end == "repeated"


def test_refresh_keeps_the_continuation_that_the_chain_has_recorded() -> None:
    store(page_of("b1", token="t2"), head=True)
    store(page_of("b2", token="t3"), "t2")

    store(page_of("b2", token="other", as_of=200), "t2")

    second = find("t2")
    assert second is not None
    assert second.next == Continuation("t3")


def test_page_of_a_forgotten_chain_says_that_earlier_pages_are_unknown() -> None:
    store(page_of("b5", token="t6"), "t5")
    store(page_of("b5", "b6", token="t7"), "t6")

    first, second = find("t5"), find("t6")

    assert first is not None
    assert second is not None
    assert (first.n, second.n) == (None, None)
    assert (ids(first), ids(second)) == (["b5"], ["b6"])


def test_chain_opened_anew_loses_nothing_to_a_page_that_went_on_behind_the_forgotten_one() -> None:
    store(page_of("b5", "b6", token="t6"), "t5")

    store(page_of("b1", "b2", token="t2"))
    store(page_of("b3", "b4", token="t5"), "t2")
    store(page_of("b5", "b6", token="t6"), "t5")

    second, third = find("t2"), find("t5")
    assert second is not None
    assert third is not None
    assert (second.next, second.n) == (Continuation("t5"), 2)
    assert (ids(third), third.n) == (["b5", "b6"], 3)


def test_loop_of_tokens_ends_even_in_a_forgotten_chain() -> None:
    store(page_of("b5", token="t6"), "t5")

    store(page_of("b6", token="t5"), "t6")

    second = find("t6")
    assert second is not None
    assert second.end == "repeated"


def test_row_without_an_id_is_never_taken_for_a_repeat() -> None:
    store(page_of("", token="t2"), head=True)

    store(page_of("", token="t3"), "t2")

    second = find("t2")
    assert second is not None
    assert second.repeats == 0


def test_repeats_within_one_answer_are_counted() -> None:
    store(page_of("b1", received=3), head=True)

    page = find()
    assert page is not None
    assert (page.received, page.unique, page.repeats) == (3, 1, 2)


def test_new_head_leaves_the_old_chain_as_it_was() -> None:
    store(page_of("b1", token="t2"), head=True)
    newer = Pin(PIN.end + 60, PIN.opened + 60_000)

    cache.store_page(
        HEAD,
        replace(page_of("b0", "b1", as_of=160), pin=newer),
        step_to(None),
        moves_head=True,
        person=True,
    )

    assert ids(find(head=True)) == ["b0", "b1"]
    assert ids(find()) == ["b1"]


def test_chain_lives_long_only_once_somebody_went_past_its_first_page() -> None:
    def life() -> int:
        with servers.cache_server().connection() as client:
            return int(cast("Any", client).pttl(servers.cache_key(f"page:{BUCKET}:{LIST.digest}:{PIN}:first")))

    store(page_of("b1", token="t2"), head=True)
    find(head=True)
    unread = life()
    store(page_of("b2"), "t2", person=False)
    find(head=True)
    fetched_ahead = life()
    find("t2")  # whoever reads it comes back to where it begins

    assert unread <= cache.SHORT_LIFE
    assert fetched_ahead <= cache.SHORT_LIFE
    assert life() > cache.SHORT_LIFE


def test_page_says_whether_its_next_page_is_there() -> None:
    store(page_of("b1", token="t2"), head=True)
    before = cache.find_page(HEAD, "default", person=True).next_is_there

    store(page_of("b2"), "t2")

    assert (before, cache.find_page(HEAD, "default", person=True).next_is_there) == (False, True)


@pytest.mark.parametrize(("state", "age", "fresh"), [("Running", 14, True), ("Running", 16, False), ("Success", 59, True), ("Success", 61, False), ("Success", -2, True), ("Running", -3600, False)])  # fmt: skip
def test_head_is_fresh_for_as_long_as_nothing_can_have_changed_much(state: str, age: float, fresh: bool) -> None:
    page = replace(page_of("b1", as_of=1000), has_open_jobs=state == "Running")

    assert cache.is_fresh(page, 1000 + age, head=True) is fresh


B1 = JobQuestion(BUCKET, "b1")


def record(job_id: str = "b1", as_of: float = 100.0, raw: str | None = None) -> JobRecord:
    return JobRecord(BUCKET, row(job_id, "Running"), as_of, "req", raw, "" if raw else "not_asked")


def test_job_is_found_as_its_list_showed_it() -> None:
    store(page_of("b1", "b2", as_of=100.0), head=True)

    found = cache.find_job(JobQuestion(BUCKET, "b2"), "default").job

    assert found is not None
    assert (found.row.job.job_id, found.as_of, found.raw_missing) == ("b2", 100.0, "not_asked")


def test_job_is_found_as_its_newest_list_showed_it() -> None:
    store(page_of("b1", as_of=101.0), head=True)

    store(replace(page_of("b1", as_of=100.0), pin=Pin(90, 90_000)))

    found = cache.find_job(B1, "default").job
    assert found is not None
    assert found.as_of == 101.0


def test_job_that_its_refreshed_page_lost_is_not_found() -> None:
    store(page_of("b1", as_of=100.0), head=True)

    store(page_of("b2", as_of=101.0), head=True)

    assert cache.find_job(B1, "default").job is None


def test_job_whose_page_is_forgotten_is_not_found() -> None:
    store(page_of("b1"), head=True)
    with servers.cache_server().connection() as client:
        client.delete(*client.scan_iter(servers.cache_key("page:*")))

    assert cache.find_job(B1, "default").job is None


@pytest.mark.parametrize(("listed", "raw"), [(99.0, "<xml/>"), (100.0, "<xml/>"), (101.0, None)])
def test_job_asked_by_itself_keeps_its_raw_text_against_an_older_list(listed: float, raw: str | None) -> None:
    cache.store_job(record(as_of=100.0, raw="<xml/>"))

    store(page_of("b1", as_of=listed), head=True)

    found = cache.find_job(B1, "default").job
    assert found is not None
    assert found.raw == raw


def test_job_asked_by_itself_replaces_what_its_list_showed() -> None:
    store(page_of("b1", as_of=100.0), head=True)

    cache.store_job(record(as_of=101.0, raw="<xml/>"))

    assert cache.find_job(B1, "default").job == record(as_of=101.0, raw="<xml/>")


@pytest.mark.parametrize(
    ("state", "age", "fresh"),
    [("Running", 14, True), ("Running", 16, False), ("Success", 9999, True), ("Running", -3600, False)],
)
def test_job_is_fresh_for_a_moment_or_for_good(state: str, age: float, fresh: bool) -> None:
    kept = replace(record(as_of=1000), row=row("b1", state))

    assert cache.job_is_fresh(kept, 1000 + age) is fresh


def test_what_was_stored_by_a_clock_an_hour_ahead_gives_way_once_it_is_put_right() -> None:
    cache.store_job(record(as_of=3700.0, raw="<old/>"))
    store(page_of("b2", as_of=3700.0), "t2")

    cache.store_job(record(as_of=101.0, raw="<new/>"))
    store(page_of("b3", as_of=101.0), "t2")

    found = cache.find_job(B1, "default").job
    assert found is not None
    assert found.raw == "<new/>"
    assert ids(find("t2")) == ["b3"]


def test_everything_stored_is_small() -> None:
    store(page_of(*(f"b{index:032x}" for index in range(100)), token="t"), head=True)

    with servers.cache_server().connection() as client:
        used = sum(cast("Any", client).memory_usage(key) for key in client.scan_iter(servers.cache_key("*")))

    assert 0 < used < 100 * 1200


# Keyset, and what is proven ---------------------------------------------------------------------------------------------


def store_keyset(page: Page, continuation: Continuation, following: Continuation | None) -> Page:
    question = PageQuestion(BUCKET, LIST, PIN, continuation)
    cache.store_page(question, replace(page, place=question.place), step_to(following), moves_head=False, person=True)
    found = cache.find_page(question, "default", person=True).page
    assert found is not None
    return found


AFTER = "2023-11-14T10:11:32+0800"


def test_first_answer_by_keyset_may_hold_nothing_new() -> None:
    store(replace(page_of("b1", "b2"), next=Continuation("", AFTER)), head=True)

    second = store_keyset(page_of("b1", "b2"), Continuation("", AFTER), Continuation("t2", AFTER))

    assert (second.unique, second.end, second.next) == (0, "", Continuation("t2", AFTER))


@pytest.mark.parametrize(("rows", "token"), [(["b2", "b3"], "t3"), (["b1", "b2"], "t3"), (["b2", "b3"], "")])
def test_token_chain_that_brings_a_row_again_goes_on_by_keyset(rows: list[str], token: str) -> None:
    store(page_of("b1", "b2", token="t2"), head=True)
    question = question_for("t2")
    page = replace(page_of(*rows, token=token), place=question.place)
    step = replace(step_to(page.next), if_moved=Continuation("", AFTER))

    cache.store_page(question, page, step, moves_head=False, person=True)

    second = find("t2")
    assert second is not None
    assert (second.next, second.end, second.doubts) == (Continuation("", AFTER), "", ())


@pytest.mark.parametrize("after", ["", AFTER])
@pytest.mark.parametrize("rows", [[], ["b1", "b2"]])
def test_list_ends_where_three_pages_running_bring_nothing_new(rows: list[str], after: str) -> None:
    following = Continuation("" if after else "t", after)
    store(replace(page_of("b1", "b2"), next=following), head=True)
    pages = []
    for number in range(3):
        asked, following = following, Continuation(f"t{number}", after)
        pages.append(store_keyset(page_of(*rows), asked, following))

    assert [page.end for page in pages] == ["", "", "no_new_rows"]


def test_list_goes_on_where_two_pages_running_bring_nothing_new_now_and_then() -> None:
    store(page_of("b1", token="t1"), head=True)

    for number, rows in enumerate([[], [], ["b2"], [], ["b1"], ["b3"]], start=1):
        store(page_of(*rows, token=f"t{number + 1}"), f"t{number}")

    last = find("t6")
    assert last is not None
    assert (ids(last), last.n, last.end) == (["b3"], 7, "")


def test_page_says_what_its_chain_has_brought_so_far() -> None:
    store(page_of("b1", "b2", token="t2", received=3), head=True)
    store(page_of("b2", "b3", token="t3"), "t2")

    store(replace(page_of("b4"), doubts=("second",)), "t3")

    third = find("t3")
    assert third is not None
    assert third.so_far == Completeness(3, 6, 4, ("second",))
    assert third.so_far.repeats == 2


def test_place_that_its_chain_never_heard_of_counts_for_itself_and_ends_a_loop() -> None:
    store(page_of("b1", "b2", token="t2"), head=True)

    store(page_of("b2", "b3", token="B"), "A")
    store(page_of("b4", token="A"), "B")

    stray, back = find("A"), find("B")
    assert stray is not None
    assert back is not None
    assert (ids(stray), stray.n, stray.so_far) == (["b2", "b3"], None, None)
    assert (back.end, back.next) == ("repeated", None)


def test_stray_place_leads_back_into_its_chain() -> None:
    store(page_of("b1", token="t2"), head=True)
    store(page_of("b3", token="t3"), "t2")

    store(page_of("b2", token="t2"), "A")

    stray = find("A")
    assert stray is not None
    assert stray.next == Continuation("t2")


def test_stray_place_that_is_reached_after_all_is_fetched_anew() -> None:
    store(page_of("b1", token="t2"), head=True)
    store(page_of("b3", token="t4"), "A")

    store(page_of("b2", token="A"), "t2")
    forgotten = find("A")
    store(page_of("b3", token="t2"), "A")

    again = find("A")
    assert forgotten is None
    assert again is not None
    assert (again.n, again.end) == (3, "repeated")


def test_chain_that_is_gone_knows_no_sum() -> None:
    store(page_of("b4"), "t3")

    page = find("t3")
    assert page is not None
    assert page.so_far is None


def ending_at(seconds: int, page: Page, token: str) -> None:
    question = question_for(token)
    placed = replace(page, place=question.place)
    cache.store_page(question, placed, step_to(page.next, seconds), moves_head=False, person=True)


def test_page_that_begins_before_the_last_one_ended_says_that_the_order_moved() -> None:
    ending_at(1_700_000_050, page_of("b1", token="t2"), "")
    ending_at(1_700_000_060, page_of("b2", token="t3"), "t2")

    page = find("t2")
    assert page is not None
    assert page.doubts == ("order",)


def test_page_without_rows_leaves_the_list_where_it_was() -> None:
    ending_at(1_700_000_050, page_of("b1", token="t2"), "")
    ending_at(0, page_of(token="t3"), "t2")
    ending_at(1_700_000_060, page_of("b2", token="t4"), "t3")

    page = find("t3")
    assert page is not None
    assert page.doubts == ("order",)
    assert cache.created_before(question_for("t3")) == "2023-11-15T06:14:10+0800"


def test_creation_time_before_a_page_is_known_while_its_chain_is() -> None:
    ending_at(1_700_000_050, page_of("b1", token="t2"), "")

    assert cache.created_before(question_for("t2")) == "2023-11-15T06:14:10+0800"
    assert cache.created_before(question_for("t9")) == ""
