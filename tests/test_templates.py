"""The rules that every template keeps, so that the pages work without script, under a strict policy, and in any language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import engines
from django.template.backends.django import DjangoTemplates

from dashboard.storage import StaticFiles

DECLARED_SAFE = re.compile(r"SafeString\(|SafeText\(|mark_safe|__html__")

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
STYLES = sorted((settings.BASE_DIR / "static" / "css").glob("*.css"))

HTMX_ADDRESS = re.compile(r"""\b(?:data-)?hx-(?:get|post)="((?:\{[%{].*?[%}]\}|[^"])*)\"""")
PLAIN_ADDRESS = re.compile(r"""\b(?:href|action)="((?:\{[%{].*?[%}]\}|[^"])*)\"""")
TAG = re.compile(r"""<[a-zA-Z](?:\{[%{].*?[%}]\}|"(?:\{[%{].*?[%}]\}|[^"])*"|[^">])*>""", re.DOTALL)
CODE = re.compile(r"\{[%{#].*?[%}#]\}", re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(settings.BASE_DIR))


def engine() -> DjangoTemplates:
    found = engines["django"]
    assert isinstance(found, DjangoTemplates)
    return found


templates = pytest.mark.parametrize("path", TEMPLATES, ids=name_of)


@templates
def test_template_compiles(path: Path) -> None:
    engine().get_template(str(path.relative_to(settings.BASE_DIR / "templates")))


@templates
def test_template_has_no_script_or_style_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on|hx-vals=.js:|javascript:", text) == []


@templates
def test_htmx_evaluates_nothing_and_asks_no_empty_address(path: Path) -> None:
    """A filter in a trigger is evaluated, which the policy forbids; an empty address is the page's own with all its parameters twice."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"""hx-trigger="[^"]*\[|hx-(?:get|post)="\s*"|hx-vals="js""", CODE.sub("x", text)) == []


def test_htmx_is_set_up_to_keep_nothing_and_to_evaluate_nothing() -> None:
    base = (settings.BASE_DIR / "templates" / "base.html").read_text(encoding="utf-8")
    found = re.search(r"""<meta name="htmx-config" content='([^']*)'>""", base)
    assert found

    config = json.loads(found[1])

    assert {name: config[name] for name in ("allowEval", "includeIndicatorStyles", "historyRestoreAsHxRequest")} == {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "historyRestoreAsHxRequest": False,
    }
    assert (config["historyCacheSize"], config["refreshOnHistoryMiss"], config["selfRequestsOnly"]) == (0, True, True)


@templates
def test_template_marks_nothing_as_safe(path: Path) -> None:
    assert re.findall(r"\|\s*safe\w*|autoescape\s+off", path.read_text(encoding="utf-8")) == []


def test_code_declares_strings_safe_only_where_it_has_escaped_them() -> None:
    sources = [path for folder in ("jobs", "dashboard") for path in (settings.BASE_DIR / folder).rglob("*.py")]
    declare = {str(path.relative_to(settings.BASE_DIR)) for path in sources if DECLARED_SAFE.search(path.read_text())}

    # The decision in ARCHITECTURE.md names them, and why each may.
    assert declare == {
        "jobs/fragments.py",
        "jobs/templatetags/markup.py",
        "jobs/templatetags/rows.py",
        "jobs/views/form.py",
    }


@templates
def test_what_htmx_asks_for_can_be_asked_for_without_it(path: Path) -> None:
    """An element has the same address as href or action; a region or row holds a link with it."""
    text = path.read_text(encoding="utf-8")
    plain = set(PLAIN_ADDRESS.findall(text))

    for tag in TAG.findall(text):
        for address in HTMX_ADDRESS.findall(tag):
            own = PLAIN_ADDRESS.findall(tag)
            assert own == [address] if own else address in plain, tag


@templates
def test_times_are_rendered_by_one_tag_alone(path: Path) -> None:
    """No filter, no tag of Django's and no element of its own tells a time: each has zone, UTC and upstream's text beside it."""
    text = path.read_text(encoding="utf-8")

    assert (
        re.findall(r"\|\s*(?:date|time|naturaltime|naturalday|timesince|timeuntil|localtime|timezone|utc)\b", text)
        == []
    )
    assert (
        re.findall(r"\{%\s*(?:now|load\s+tz|localtime|timezone)\b|<time\b|\.(?:isoformat|strftime|ctime)\b", text) == []
    )


def test_code_that_renders_pages_tells_times_by_that_tag_too() -> None:
    sources = [
        *(settings.BASE_DIR / "jobs" / "templatetags").glob("*.py"),
        *(settings.BASE_DIR / "jobs" / "views").glob("*.py"),
    ]

    assert {
        name_of(path) for path in sources if re.search(r"<time\b|strftime|ctime\(", path.read_text(encoding="utf-8"))
    } == {"jobs/templatetags/jobs.py"}


UNTRANSLATED = {"Batchlens", "RequestId", "CallBack", "UserData", "JobParam", "JobId", "JSON", "Europe", "Berlin"}
"""Names: they are the same in every language. What stands in code or kbd is one, too."""
SAID = "aria-label|alt|title|placeholder|data-(?:announce|copied|count-rows|failed|hide|label|only|says)"
"""Attributes that hold words for people."""


@templates
def test_every_word_goes_through_gettext(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"\{% blocktranslate.*?endblocktranslate %\}|\{% comment %\}.*?\{% endcomment %\}", "", text, flags=re.DOTALL
    )
    visible = re.sub(r"<(code|kbd)>[^<]*</\1>", "", CODE.sub(" ", text))

    pieces = re.findall(r">([^<>]*)<", visible) + re.findall(rf'\s(?:{SAID})="([^"]*)"', visible)

    assert {word for piece in pieces for word in re.findall(r"[A-Za-z]{3,}", piece)} - UNTRANSLATED == set()


def test_there_is_one_polite_live_region() -> None:
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in TEMPLATES}

    assert [name for name, text in texts.items() if re.search(r'role="status"|aria-live', text)] == [
        "templates/base.html"
    ]


def served(script: Path) -> Path:
    """Return what collectstatic has made of a script."""
    assert isinstance(staticfiles_storage, StaticFiles)
    return Path(staticfiles_storage.path(staticfiles_storage.stored_name(f"js/{script.name}")))


def test_scripts_are_small(static_files: None) -> None:
    """Before compression, as they are served: all of them, though no page loads all."""
    assert sum(served(path).stat().st_size for path in SCRIPTS) < 15_000


def test_scripts_import_one_another_under_the_names_that_tell_their_content(static_files: None) -> None:
    shared = served(SCRIPTS[0].with_name("page.js")).name

    for path in SCRIPTS:
        text = served(path).read_text(encoding="utf-8")
        assert set(re.findall(r'from"\./([^"]*)"', text)) <= {shared}, path.name
        assert ("./page." in text) == ("./page.js" in path.read_text("utf-8")), path.name


def test_scripts_evaluate_nothing() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS}

    assert [name for name, text in sources.items() if re.search(r"\beval\(|new Function|innerHTML", text)] == []


def test_scripts_keep_nothing_but_the_readers_own_comfort() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS}

    storing = {name for name, text in sources.items() if re.search("localStorage|sessionStorage|cookie", text)}

    assert storing == {"page.js", "theme.js"}


def test_every_script_is_loaded_by_the_base_page() -> None:
    base = (settings.BASE_DIR / "templates" / "base.html").read_text(encoding="utf-8")
    pages = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES)

    assert [path.name for path in SCRIPTS if f"js/{path.name}" not in pages] == []
    assert "{% htmx_script %}" in base


def test_style_sheets_are_small_and_fetch_nothing() -> None:
    sizes = {path.name: path.stat().st_size for path in STYLES}
    shared = sum(sizes[name] for name in ("tokens.css", "base.css", "components.css"))

    assert shared < 14_000
    assert {name: size for name, size in sizes.items() if shared + size > 26_000} == {}
    assert [
        path.name for path in STYLES if re.search(r"@import|url\(|@font-face", path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_colours_have_names(path: Path) -> None:
    """Light and dark differ in one file only."""
    if path.name == "tokens.css":
        pytest.skip("the place for colours")
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s,)])|\brgba?\(|\bhsla?\(|\boklch\(", text) == []
