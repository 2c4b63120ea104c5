"""A site: gunicorn and a worker over the test's database, and how a program reads it as a patient person would."""

from __future__ import annotations

import itertools
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import redis
import requests
from django.conf import settings

from tests.emulators import Emulator
from tests.processes import Process, web, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_numbers = itertools.count(1)


@dataclass
class Site:
    """A running site. `environment` is what its processes have on top of the test's own."""

    address: str
    web: Process
    worker: Process
    emulator: Emulator
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def broker_url(self) -> str:
        """Its REDIS_URL."""
        return self.environment.get("REDIS_URL", settings.REDIS_URL)

    @property
    def cache_url(self) -> str:
        """Its REDIS_CACHE_URL."""
        return self.environment.get("REDIS_CACHE_URL", settings.REDIS_CACHE_URL)

    def forget(self) -> None:
        """Empty both of its Redis databases but for the heartbeats, without which the site counts as not ready."""
        for url in (self.broker_url, self.cache_url):
            with redis.Redis.from_url(url) as client:
                names = [name for name in client.scan_iter() if not re.search(rb"^heartbeats|_kombu", name)]
                if names:
                    client.delete(*names)

    def stop(self) -> None:
        """End its processes. Nobody waits for a test's last requests."""
        self.web.kill()
        self.worker.stop()


def start_site(emulator: Emulator, threads: int = 8, /, **environment: str) -> Site:
    """Start a site of its own. Give it Redis servers or databases of its own, too: two sites on one broker share tasks.

    Args:
        emulator: what it asks.
        threads: how many fetches its worker does at once.
        environment: variables of web and worker.
    """
    number = next(_numbers)
    folder = Path(settings.VAR_DIR)
    everything = {
        "CI_ENDPOINT": emulator.endpoint,
        "DATABASE_URL": f"sqlite:///{settings.DATABASES['default']['NAME']}",
        **environment,
    }
    server, address = web(folder / f"web-{os.getpid()}-{number}.log", **everything)
    server.start()

    def ready() -> bool:
        return requests.get(f"{address}/readyz", timeout=5).ok

    hand = worker(folder / f"worker-{os.getpid()}-{number}.log", everything, name=f"site{number}", threads=threads)
    hand.ready = ready
    try:
        hand.start()
    except AssertionError:
        server.kill()
        hand.kill()
        raise
    return Site(address, server, hand, emulator, everything)


def own_database(number: int) -> dict[str, str]:
    """Return variables for another database on the test's two Valkeys; 0 is the one that most tests use."""
    return {
        "REDIS_URL": settings.REDIS_URL.removesuffix("/0") + f"/{number}",
        "REDIS_CACHE_URL": settings.REDIS_CACHE_URL.removesuffix("/0") + f"/{number}",
    }


class Reader:
    """A program that reads a site over HTTP, signed in or not."""

    def __init__(self, site: Site | str, session_key: str = "") -> None:
        self.address = site if isinstance(site, str) else site.address
        self.session = requests.Session()
        self.session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=50)
        self.session.mount("http://", adapter)
        if session_key:
            self.session.cookies.set(settings.SESSION_COOKIE_NAME, session_key)

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask once, and follow no redirect. Header names with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.get(self.address + path, headers=named, timeout=20, allow_redirects=False)

    def patient(self, path: str, *, seconds: float = 25, **headers: str) -> requests.Response:
        """Ask again for as long as it is pending, as often as the page does by itself."""
        deadline = time.monotonic() + seconds
        while True:
            response = self.get(path, **headers)
            if response.status_code != 202:
                return response
            assert response.headers["Retry-After"].isdigit(), response.headers
            assert time.monotonic() < deadline, f"{path} stays pending"
            time.sleep(0.2)

    def json(self, path: str) -> Any:
        """Return what a twin holds, once it is there."""
        response = self.patient(path)
        assert response.status_code == 200, (response.status_code, response.text[:500])
        return response.json()

    def pages(self, path: str, between: Callable[[], object] = lambda: None) -> Iterator[Any]:
        """Yield the twin at `path` and all that follow by `next`; `between` is done after each."""
        following: str | None = path
        while following:
            page = self.json(following)
            yield page
            between()
            following = page["next"]

    def scroll(self, path: str, between: Callable[[], object] = lambda: None) -> list[str]:
        """Return the JobIds from `path` to the end of the list, in order."""
        return [job["JobId"] for page in self.pages(path, between) for job in page["jobs"]]


def all_at_once(calls: Iterable[Callable[[], Any]], threads: int = 50) -> list[Any]:
    """Do all `calls` in threads and return what they return."""
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def host_of(address: str) -> str:
    """Return the host and port of an address."""
    return urlsplit(address).netloc
