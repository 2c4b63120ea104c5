"""axe finds nothing on the pages about many buckets, in two languages, at three widths, in light and in dark; each fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.accessible import LANGUAGES, assert_accessible_and_fits, spoken
from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.test_axe import RICH
from tests.e2e.test_live import DENIED
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [
    pytest.mark.console_allows(TROUBLE_STATUS),
    pytest.mark.parametrize("language", LANGUAGES),
]

FAILED = {"State": "Failed", "Code": "AccessDenied", "Message": "no"}


def test_overview(page: Page, new_bucket: NewBucket, language: str) -> None:
    new_bucket(faults=(DENIED,))
    new_bucket(jobs=60, given=(FAILED, {"State": "Pause"}))
    new_bucket(latency=20.0)

    page.goto(spoken("/", language))
    page.wait_for_selector(".lines .trouble code")
    page.wait_for_selector(".lines svg")
    assert_accessible_and_fits(page, language)

    page.goto(spoken("/?sort=worst", language))
    assert_accessible_and_fits(page, language)

    page.goto(spoken("/?q=nothing+like+it", language))
    assert_accessible_and_fits(page, language)


def test_card_of_a_portal(page: Page, new_bucket: NewBucket, language: str) -> None:
    well = new_bucket(given=jobs_in("Failed", "Submitted", Code="AccessDenied", Message="no"))
    bad = new_bucket(faults=(DENIED,))

    page.goto(spoken(f"/embed/card/?bucket={','.join(sorted((well.name, bad.name)))}", language))
    page.wait_for_selector(".glance .trouble")
    page.wait_for_selector("#glance-worst")
    assert_accessible_and_fits(page, language, (320, 480, 800))

    page.goto(spoken(f"/embed/card/?bucket={well.name}&states=Success", language))
    assert_accessible_and_fits(page, language, (320, 480, 800))


def test_summary_of_a_list(page: Page, new_bucket: NewBucket, language: str) -> None:
    bucket = new_bucket(jobs=60, given=(FAILED, {"State": "Pause"}))

    page.goto(spoken(f"/buckets/{bucket.name}/insight/", language))
    page.wait_for_selector("svg.columns")
    assert_accessible_and_fits(page, language)

    for some in (".families a", "[aria-labelledby=by-kind] a", "[aria-labelledby=run-times] a"):
        page.wait_for_selector(".insight")
        page.locator(some).first.click()
        page.wait_for_selector(".chosen tr[id]")
        assert_accessible_and_fits(page, language)
        page.go_back()


def test_summary_of_a_list_of_several_buckets(page: Page, new_bucket: NewBucket, language: str) -> None:
    buckets = [new_bucket(jobs=60, given=(FAILED,)), new_bucket(given=(FAILED,)), new_bucket(faults=(DENIED,))]

    page.goto(spoken(f"/jobs/insight/?bucket={','.join(bucket.name for bucket in buckets)}&size=100", language))
    page.wait_for_selector("svg.columns")
    assert_accessible_and_fits(page, language)

    page.locator(".families a").first.click()
    page.wait_for_selector(".chosen tr[data-state=Failed]")
    assert_accessible_and_fits(page, language)


def test_list_of_several_buckets(page: Page, new_bucket: NewBucket, language: str) -> None:
    buckets = [new_bucket(jobs=20), new_bucket(jobs=5), new_bucket(faults=(DENIED,))]

    page.goto(spoken(f"/jobs/?bucket={','.join(bucket.name for bucket in buckets)}&range=7d", language))
    page.wait_for_selector("#more[data-end]")
    assert_accessible_and_fits(page, language)

    page.goto(spoken("/jobs/?bucket=unknown-1250000000", language))
    assert_accessible_and_fits(page, language)


def test_list_without_a_bucket_that_was_late(page: Page, new_bucket: NewBucket, language: str) -> None:
    buckets = [new_bucket(jobs=20), new_bucket(jobs=5, latency=20.0)]

    page.goto(spoken(f"/jobs/?bucket={','.join(bucket.name for bucket in buckets)}&range=7d", language))
    page.wait_for_selector("#about .notice a")

    assert_accessible_and_fits(page, language)


def test_drawer_beside_several_buckets(page: Page, new_bucket: NewBucket, emulator: Emulator, language: str) -> None:
    buckets = [new_bucket(jobs=20), new_bucket(jobs=5, given=(RICH,)), new_bucket(faults=(DENIED,))]
    names = ",".join(sorted(bucket.name for bucket in buckets))

    page.goto(spoken(f"/jobs/?bucket={names}&job={buckets[1].name}/{emulator.job_ids(buckets[1].name)[0]}", language))
    page.wait_for_selector("#drawer[open] #panel h2")

    assert_accessible_and_fits(page, language)
