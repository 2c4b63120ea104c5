"""How static files are kept: under names that tell their content, compressed, and our scripts without what only people read."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

OWN_SCRIPTS = "js/*.js"
"""What is minified. Scripts of libraries come as their makers want them."""

IMPORTS = re.compile(r"\A(?:\s|/\*.*?\*/|import\b[^;]*;)*", re.DOTALL)
"""The beginning of a module, which must stay outside of every block."""


NAMED = re.compile(r"import\s*\{([^}]*,[^}]*,[^}]*)\}\s*from\s*([^;]*);")
"""An import as a module of ours writes it, of so many names that it is shorter to take them from all."""


def _in_a_block(text: str) -> str:
    """Put what a module declares, and what it imports, into a block: there the minifier shortens such names.

    What is exported is never assigned anew, so that it may be read once.
    """
    if re.search(r"^export\b", text, re.MULTILINE):
        return text
    return IMPORTS.sub(lambda head: _opened(head[0]), text, count=1) + "}"


def _opened(imports: str) -> str:
    opened = NAMED.sub(r"import*as m from \2;{const{\1}=m;", imports)
    return opened if opened != imports else f"{imports}{{"


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # whitenoise has no types
    """WhiteNoise's storage, with minified scripts that import one another under their final names.

    Where the minifier isn't installed (see pyproject.toml), scripts are kept as they are written.
    """

    # Django's own way to do that (support_js_module_import_aggregation) stumbles over what libraries' scripts say in comments.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (OWN_SCRIPTS, ((r"""(?P<matched>from\s*"(?P<url>\./[^"]+)")""", 'from"%(url)s"'),)),
    )

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str | None, bool | Exception]]:
        """Minify, then name and compress what was collected; arguments and answer as Django's storages have them."""
        if not dry_run and find_spec("minify"):
            paths = {name: self._minified(name, *found) for name, found in paths.items()}
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _minified(self, name: str, source: Storage, path: str) -> tuple[Storage, str]:
        """Put the minified script in place of its copy, and return where the file is to be read from now."""
        if not fnmatch(name, OWN_SCRIPTS):
            return source, path
        # Only here: it is a library of some megabytes, and web reads nothing but the names.
        import minify

        with source.open(path) as file:
            text = minify.string("application/javascript", _in_a_block(file.read().decode()))
        self.delete(name)  # The copy may be a link to the source.
        self.save(name, ContentFile(text.encode()))
        return self, name
