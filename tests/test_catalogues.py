"""The catalogues: what the source marks stands in them, whole, and is compiled without GNU gettext."""

from __future__ import annotations

import gettext
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import polib
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import translation

from jobs.management.catalogues import catalogues, compile_if_needed
from jobs.management.messages import Key, Message, messages, problems, update

if TYPE_CHECKING:
    from pytest_django import Settings

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
WANTED = {
    Key(None, "Ask again"): Message(files=["templates/a.html"]),
    Key("state", "Running"): Message(files=["jobs/a.py"]),
    Key(None, "%(count)d job"): Message(plural="%(count)d jobs", files=["jobs/a.py"]),
    Key(None, "Set <code>BUCKETS</code>"): Message(files=["templates/a.html"]),
}
ASK, RUN = 'msgid "Ask again"\nmsgstr "再次查询"\n\n', 'msgctxt "state"\nmsgid "Running"\nmsgstr "执行中"\n\n'
JOBS = 'msgid "%(count)d job"\nmsgid_plural "%(count)d jobs"\nmsgstr[0] "%(count)d 个任务"\n\n'
SET = 'msgid "Set <code>BUCKETS</code>"\nmsgstr "设置 <code>BUCKETS</code>"\n\n'
WHOLE = HEAD + ASK + RUN + JOBS + SET


@pytest.fixture(scope="module")
def wanted() -> dict[Key, Message]:
    """Every message of the source."""
    return messages()


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A folder of catalogues with one, and no other."""
    settings.LOCALE_DIR, settings.LOCALE_PATHS = tmp_path / "locale", [tmp_path / "made"]
    path = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES"
    path.mkdir(parents=True)
    (path / "django.po").write_text(WHOLE, encoding="utf-8")
    return path


def made_of(folder: Path) -> Path:
    return folder.parents[2] / "made" / "zh_Hans" / "LC_MESSAGES" / "django.mo"


def ask(folder: Path) -> str:
    with made_of(folder).open("rb") as file:
        return gettext.GNUTranslations(file).gettext("Ask again")


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_every_language_holds_every_string_of_the_source(path: Path, wanted: dict[Key, Message]) -> None:
    left = problems(polib.pofile(str(path)), wanted)

    assert not left, "run ./dev messages, then translate what is empty:\n" + "\n".join(left)


def test_every_language_but_that_of_the_source_has_a_catalogue() -> None:
    languages = {translation.to_locale(code) for code, _name in settings.LANGUAGES} - {settings.LANGUAGE_CODE}

    assert {path.parent.parent.name for path in catalogues()} == languages


@pytest.mark.parametrize(
    ("key", "plural", "file"),
    [
        (Key(None, "No worker is running"), "", "jobs/problems.py"),  # gettext_lazy, as _
        (Key("state", "Running"), "", "jobs/filters/words.py"),  # pgettext_lazy
        (Key("range", "Last %(count)d hour"), "Last %(count)d hours", "jobs/filters/words.py"),  # npgettext
        (Key(None, "Start from the first page instead."), "", "jobs/filters/reading.py"),  # inside an f-string
        (Key(None, "Skip to the content"), "", "templates/base.html"),  # translate
        (Key(None, "%% jobs"), "", "templates/jobs/job_list.html"),  # with a percent sign, inside partialdef
        (Key(None, "%(buckets)s bucket"), "%(buckets)s buckets", "templates/jobs/overview.html"),  # blocktranslate
    ],
)
def test_string_is_found_in_whatever_form_it_is_marked(
    key: Key, plural: str, file: str, wanted: dict[Key, Message]
) -> None:
    found = wanted[key]

    assert found.plural == plural
    assert file in found.files


def test_whole_catalogue_has_no_problem() -> None:
    assert problems(polib.pofile(WHOLE), WANTED) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + RUN + JOBS + SET, "“Ask again”: missing"),
        (WHOLE + 'msgid "Ask"\nmsgstr "查询"\n', "“Ask”: no file holds it any more"),
        (WHOLE.replace("再次查询", ""), "“Ask again”: not translated"),
        (WHOLE.replace(ASK, "#, fuzzy\n" + ASK), "“Ask again”: fuzzy"),
        (WHOLE.replace("%(count)d 个", "%(number)d 个"), "“%(count)d job”: the places differ"),
        (WHOLE.replace("%(count)d 个", "%(count)s 个"), "“%(count)d job”: the places differ"),
        (WHOLE.replace("设置 <code>BUCKETS</code>", "设置 BUCKETS"), "“Set <code>BUCKETS</code>”: the tags differ"),
        (WHOLE.replace('msgctxt "state"\n', ""), "“Running” [state]: missing"),
        (WHOLE.replace('msgid_plural "%(count)d jobs"\nmsgstr[0]', "msgstr"), "“%(count)d job”: its plural form"),
    ],
)
def test_catalogue_that_is_not_whole_is_told_by_its_string(text: str, said: str) -> None:
    assert any(problem.startswith(said) for problem in problems(polib.pofile(text), WANTED))


def test_update_keeps_translations_adds_what_is_new_and_drops_what_is_gone() -> None:
    catalogue = polib.pofile(HEAD + ASK + 'msgid "Gone"\nmsgstr "消失"\n')

    update(catalogue, WANTED)

    assert [(entry.msgid, entry.msgstr) for entry in catalogue] == [
        ("Ask again", "再次查询"),
        ("Running", ""),
        ("%(count)d job", ""),
        ("Set <code>BUCKETS</code>", ""),
    ]
    assert [entry.msgstr_plural for entry in catalogue if entry.msgid_plural] == [{0: ""}]
    assert catalogue.metadata["Plural-Forms"] == "nplurals=1; plural=0;"


def test_changed_catalogue_is_compiled_once(folder: Path) -> None:
    assert compile_if_needed() == [folder / "django.po"]
    assert compile_if_needed() == []
    assert ask(folder) == "再次查询"

    (folder / "django.po").write_text(WHOLE.replace("再次查询", "重新查询"), encoding="utf-8")

    assert compile_if_needed() == [folder / "django.po"]
    assert ask(folder) == "重新查询"
    assert list(made_of(folder).parent.iterdir()) == [made_of(folder)]


def test_command_writes_what_is_missing_and_says_what_is_left(folder: Path, wanted: dict[Key, Message]) -> None:
    said = StringIO()

    call_command("makemessages", stdout=said)

    written = polib.pofile(str(folder / "django.po"))
    assert {Key(entry.msgctxt, entry.msgid) for entry in written} == wanted.keys()
    assert "“Skip to the content”: not translated (templates/base.html)" in said.getvalue()
    assert "Gone: “Set <code>BUCKETS</code>”" in said.getvalue()


def test_check_writes_nothing_and_fails(folder: Path) -> None:
    with pytest.raises(CommandError, match="to mend"):
        call_command("makemessages", check=True, stdout=StringIO())

    assert (folder / "django.po").read_text(encoding="utf-8") == WHOLE
