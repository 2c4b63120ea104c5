"""The part of a page that needs no answer, rendered while upstream is waited for; the rest is put in afterwards."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest


class Shell:
    """A template around what depends on upstream's answer.

    Args:
        request: what is answered.
        template: the whole, a template or `template#partial`; given `answer`, it shows that in its own's place.
        inside: what depends on the answer, `template#partial`; "" where that is everything.
        context: for both; what `inside` needs besides comes with `render`.
        ahead: parts of the inside that need no answer either, name -> `template#partial`; given one by its name, the
            inside shows that in its own's place.
    """

    def __init__(
        self,
        request: HttpRequest,
        template: str,
        inside: str,
        context: Mapping[str, Any],
        ahead: Mapping[str, str] | None = None,
    ) -> None:
        self.request = request
        self.template = template
        self._inside = inside
        self._context = dict(context)
        self._ahead = ahead or {}
        self._around: tuple[str, str] | None = None

    def prepare(self) -> None:
        """Render all but what depends on the answer, if there is an inside and that was not done yet."""
        if self._inside and self._around is None:
            # Nobody can write this mark into a page: it is made anew for each.
            mark = format_html("<!--{}-->", secrets.token_hex(16))
            html = render_to_string(self.template, {**self._context, "answer": mark}, self.request)
            before, _, after = html.partition(mark)
            self._around = before, after
            for name, template in self._ahead.items():
                self._context[name] = render_to_string(template, self._context, self.request)

    def render(self, context: Mapping[str, Any], status: int) -> HttpResponse:
        """Return the page, with the inside rendered from `context`; in one go where nothing was prepared."""
        whole = {**self._context, **context}
        if self._around is None:
            return HttpResponse(render_to_string(self.template, whole, self.request), status=status)
        before, after = self._around
        return HttpResponse([before, render_to_string(self._inside, whole, self.request), after], status=status)
