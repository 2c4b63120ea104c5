"""Which release this is: a digest of all that decides how a page looks, so that nothing of another one is taken for it."""

from __future__ import annotations

import hashlib
from functools import cache as once
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage


@once
def release() -> str:
    """Return a digest of the templates, the code around them, the texts of all languages and the static files."""
    digest = hashlib.sha256(str(getattr(staticfiles_storage, "manifest_hash", "")).encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _sources() -> list[Path]:
    folders = [(settings.BASE_DIR / "templates", "*.html"), (Path(__file__).parent, "*.py")]
    # Catalogues are compiled at set-up, so that a release which changes a translation alone is another one, too.
    folders += [(Path(folder), "*.mo") for folder in settings.LOCALE_PATHS]
    return [source for folder, pattern in folders for source in sorted(folder.rglob(pattern))]
