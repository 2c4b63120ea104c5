"""What gunicorn makes of a request before Django sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from tests.e2e.sites import Site


def test_a_request_can_t_say_where_the_site_is_mounted(site: Site) -> None:
    plain = requests.get(f"{site.address}/buckets/a/jobs/", allow_redirects=False, timeout=10)

    for name in ("Script_Name", "Path_Info"):
        answer = requests.get(
            f"{site.address}/buckets/a/jobs/", headers={name: "/buckets"}, allow_redirects=False, timeout=10
        )
        assert (answer.status_code, answer.headers["Location"]) == (302, plain.headers["Location"])
