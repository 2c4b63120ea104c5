"""The catalogues of translations: where they lie, and how the form that Django reads is made of the form that people write."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.conf import settings


def catalogues() -> list[Path]:
    """Return the path of each catalogue as people write it."""
    return sorted(Path(settings.LOCALE_DIR).glob("*/LC_MESSAGES/django.po"))


def compile_if_needed() -> list[Path]:
    """Compile each catalogue that is not the one its compiled form was made of; return those.

    Like Django's own `compilemessages`, but without GNU gettext, which a fresh machine lacks.
    """
    return [path for path in catalogues() if _compile(path)]


def _compile(path: Path) -> bool:
    made = Path(settings.LOCALE_PATHS[0], path.relative_to(settings.LOCALE_DIR)).with_suffix(".mo")
    # Times tell nothing: a checkout may bring back an older catalogue, and an image's layers round them.
    source = hashlib.sha256(path.read_bytes()).hexdigest()
    if made.is_file() and source.encode() in made.read_bytes():
        return False
    import polib  # Only now: most starts have nothing to compile.

    catalogue = polib.pofile(str(path))
    catalogue.metadata["X-Source"] = source
    made.parent.mkdir(parents=True, exist_ok=True)
    # In one step: another process may read it at this moment.
    draft = made.with_name(f"{made.name}.{os.getpid()}")
    catalogue.save_as_mofile(str(draft))
    draft.replace(made)
    return True
