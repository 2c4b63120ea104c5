"""`./dev shots [STATE...] [--docs]`: photographs the states at three widths, two themes and two languages into var/shots.

List and job are photographed on a very wide screen as well, in one theme and language.

With --docs only the six designed states, small, into docs/states. Without a STATE, all.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tests.services  # noqa: F401 - starts the two Redis servers and sets the environment
from tests.emulators import Emulator
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.e2e.sites import Site

WIDTHS = (360, 800, 1600)
THEMES = ("light", "dark")
LANGUAGES = ("en", "zh-hans")
WIDE = {(name, 2560, "light", "en") for name in ("list", "job-operation")}
"""Where rooms are filled with screens. One theme and language is enough to see how things spread."""
HEIGHT = 900
OUT = ROOT / "var" / "shots"
DOCS = ROOT / "docs" / "states"

Shot = tuple[str, int, str, str]


def main() -> int:
    """Take the pictures and return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the site is ended on the way out
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    folder = Path(os.environ["VAR_DIR"])
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'shots.sqlite3'}"
    import django

    django.setup()
    from tests.shots.states import DESIGNED, STATES

    parser = argparse.ArgumentParser(prog="./dev shots", description=__doc__.split("\n")[0])
    parser.add_argument("states", nargs="*", metavar="STATE", help=f"of {', '.join(STATES)}")
    parser.add_argument("--docs", action="store_true", help="the designed states, into docs/states")
    options = parser.parse_args()
    if unknown := set(options.states) - set(STATES):
        parser.error(f"no such state: {', '.join(sorted(unknown))}")
    names = options.states or (list(DESIGNED) if options.docs else list(STATES))
    with Emulator(demo=True) as emulator:
        site = _site(emulator)
        try:
            _photograph(site, names, docs=options.docs)
        finally:
            site.stop()
    return 0


def _site(emulator: Emulator) -> Site:
    from django.core.management import call_command

    from jobs.cloudinfinite.emulator import DEMO_BUCKETS
    from jobs.models import Bucket
    from tests.e2e.sites import start_site

    call_command("migrate", verbosity=0)
    call_command("compilemessages", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    Bucket.objects.bulk_create(
        Bucket(name=bucket.name, region=bucket.region, label=bucket.label) for bucket in DEMO_BUCKETS
    )
    return start_site(emulator, ANONYMOUS_ACCESS="true", DATABASE_URL=os.environ["DATABASE_URL"])


def _photograph(site: Site, names: list[str], *, docs: bool) -> None:
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import CHROMIUM, FLAGS

    # Playwright keeps an event loop in this thread, so Django takes every query for one from async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    out = DOCS if docs else OUT
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if docs:
            for name in names:
                _take(chromium, site, (name, 1000, "light", "en"), out / f"{name}.png", height=760)
        else:
            for theme, lang in itertools.product(THEMES, LANGUAGES):
                for name in names:
                    for shot in _shots(name, theme, lang):
                        _take(chromium, site, shot, out / _file(shot))
                _sheet(chromium, names, theme, lang)
        chromium.close()


def _shots(name: str, theme: str, lang: str) -> list[Shot]:
    """Return what is photographed of a state in one theme and language."""
    shots = [(name, width, theme, lang) for width in WIDTHS]
    return shots + [shot for shot in sorted(WIDE) if (shot[0], *shot[2:]) == (name, theme, lang)]


def _file(shot: Shot) -> str:
    return "-".join(str(part) for part in shot) + ".png"


def _take(chromium: Browser, site: Site, shot: Shot, path: Path, height: int = HEIGHT) -> None:
    from tests.shots.states import STATES

    name, width, theme, lang = shot
    context = chromium.new_context(
        base_url=site.address,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=lang,
    )
    page = context.new_page()
    STATES[name](page, site, lang)
    page.screenshot(path=path, animations="disabled")
    context.close()
    print(path.relative_to(ROOT), flush=True)  # noqa: T201 - which picture has been taken


def _sheet(chromium: Browser, names: list[str], theme: str, lang: str) -> None:
    """Lay the pictures of one theme and language side by side, a state a row."""
    page = chromium.new_page(viewport={"width": 1500, "height": 1000})
    page.set_content("".join(_lines(names, theme, lang)))
    path = OUT / f"sheet.{theme}.{lang}.html"
    path.write_text(page.content(), encoding="utf-8")
    page.goto(path.as_uri())
    page.screenshot(path=path.with_suffix(".png"), full_page=True)
    page.close()
    print(path.with_suffix(".png").relative_to(ROOT), flush=True)  # noqa: T201 - as above


def _lines(names: list[str], theme: str, lang: str) -> Iterator[str]:
    yield "<style>body{font:14px sans-serif}div{display:flex;gap:8px;margin:0 0 24px}img{border:1px solid #888;height:360px}</style>"
    for name in names:
        pictures = "".join(f'<img src="{_file(shot)}" alt="">' for shot in _shots(name, theme, lang))
        yield f"<p>{name}</p><div>{pictures}</div>"


if __name__ == "__main__":
    sys.exit(main())
