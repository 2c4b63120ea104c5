"""A release is another one as soon as anything differs that decides how a page looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser

from jobs.filters import View
from jobs.fragments import rows_html
from jobs.release import _sources, release
from jobs.views.responses import as_twin
from tests.test_fragments import page_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.test import RequestFactory
    from pytest_django import Settings


@pytest.fixture
def catalogue(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A compiled catalogue that the test may change."""
    path = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one")
    settings.LOCALE_PATHS = [tmp_path]
    release.cache_clear()
    yield path
    release.cache_clear()


def test_release_is_another_one_once_a_text_differs(catalogue: Path) -> None:
    before = release()
    catalogue.write_bytes(b"two")
    release.cache_clear()

    assert release() != before


@pytest.mark.parametrize(
    "name",
    ["templates/jobs/job_list.html", "jobs/filters/words.py", "jobs/details/output.py", "jobs/templatetags/rows.py"],
)
def test_release_depends_on_templates_and_on_the_code_around_them(name: str, settings: Settings) -> None:
    assert settings.BASE_DIR / name in _sources()


def test_release_depends_on_the_compiled_catalogues_of_every_language(settings: Settings) -> None:
    found = {source.parts[-3] for source in _sources() if source.suffix == ".mo"}

    assert found >= {path.name for path in settings.LOCALE_DIR.iterdir() if path.is_dir()}


@pytest.mark.usefixtures("empty_redis")
def test_rows_of_another_release_are_rendered_anew(catalogue: Path) -> None:
    page, rows = page_of()
    rows_html(page, View(), embedded=False)
    catalogue.write_bytes(b"two")
    release.cache_clear()

    rows_html(page, View(), embedded=False)

    assert rows.renders == 2


def test_page_of_another_release_is_no_unchanged_one(rf: RequestFactory, catalogue: Path) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    answer = as_twin(request, {}, version=["same"])
    catalogue.write_bytes(b"two")
    release.cache_clear()

    assert as_twin(request, {}, version=["same"])["ETag"] != answer["ETag"]
