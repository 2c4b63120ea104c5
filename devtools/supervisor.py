"""Runs processes: prints their lines, starts again what dies, ends all of them.

One thread. It sleeps in `select` until a line comes, a signal comes (a child's death is one) or a restart is due.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal

from devtools.files import ROOT
from devtools.messages import Failed, last_line, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEATHS = 5
DEATHS_WITHIN = 30.0
"""A process that ends this often within so many seconds is in a crash loop."""

START_LIMIT = 90.0
"""Seconds within which anything that is waited for must have come; only a machine in trouble needs more."""

GRACE = {"first": 8.0, "last": 2.0}
"""Seconds to end by itself: first what uses the servers, then the servers. Together less than the 12 s promised."""

PR_SET_PDEATHSIG = 1
prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Ended(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or the terminal is gone."""


@dataclass(eq=False)
class Process:
    """One process to run: a service that must not end, or a step that must end well."""

    name: str
    command: list[str]
    variables: Mapping[str, str]
    step: bool = False
    stops: Literal["first", "last"] = "first"
    keep: tuple[int, ...] = ()
    """File descriptors that it inherits."""
    quiet: bool = False
    """Whether its lines are no longer shown."""
    lines: list[str] = field(default_factory=list)
    """The first hundred it printed."""
    popen: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float | None = None
    """When it is to be started again."""

    @property
    def alive(self) -> bool:
        """Whether it was started and its end has not been noticed."""
        return self.popen is not None and self.popen.returncode is None

    @property
    def done(self) -> bool:
        """Whether it has ended well."""
        return self.popen is not None and self.popen.returncode == 0


class Supervisor:
    """Runs processes until somebody asks for the end. It takes over this process's signals."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self._asked_to_end = 0
        self._selector = selectors.DefaultSelector()
        self._awake, self._wake = socket.socketpair()
        for end in (self._awake, self._wake):
            end.setblocking(False)
        self.hear(self._awake, lambda: self._awake.recv(4096))
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_end)

    def _ask_to_end(self, *_: object) -> None:
        self._asked_to_end += 1

    def hear(self, source: IO[bytes] | socket.socket, then: Callable[[], object]) -> None:
        """Call `then` whenever `source` has something to read."""
        self._selector.register(source, selectors.EVENT_READ, then)

    def unhear(self, source: IO[bytes] | socket.socket) -> None:
        """Look at `source` no more."""
        self._selector.unregister(source)

    def start(self, *processes: Process) -> None:
        """Start processes and look after them from now on."""
        for process in processes:
            self.processes.append(process)
            self._spawn(process)

    def wait_until(self, condition: Callable[[], bool], what: str, explain: Callable[[], str] = str) -> None:
        """Look after everything until the condition holds; it is asked after each event and each 20 ms.

        Args:
            condition: must not block.
            what: names what is waited for.
            explain: says, for the message, how things stand when it doesn't come.

        Raises:
            Ended: somebody asked for the end.
            Failed: it didn't come within START_LIMIT seconds; a step failed; a service is in a crash loop.
        """
        limit = time.monotonic() + START_LIMIT
        while not condition():
            if time.monotonic() > limit:
                raise Failed(f"{what} did not come within {START_LIMIT:.0f} seconds. {explain()}".strip())
            self._turn(0.02)

    def watch(self) -> None:
        """Look after everything for good.

        Raises:
            Ended: somebody asked for the end.
            Failed: a service is in a crash loop.
        """
        while True:
            self._turn(None)

    def stop(self) -> None:
        """End all processes, those that use the servers first. Who doesn't end in time, or at a further Ctrl-C, is killed."""
        asked = max(self._asked_to_end, 1)
        self._asked_to_end = asked
        for stage, grace in GRACE.items():
            living = [process for process in self.processes if process.stops == stage]
            for process in living:
                process.start_at = None
                _signal(process, signal.SIGTERM)
            limit = time.monotonic() + grace
            while any(process.alive for process in living) and time.monotonic() < limit and self._asked_to_end == asked:
                self._look(limit - time.monotonic())
            for process in living:
                if process.alive:
                    say(f"{process.name} did not end by itself and is killed")
                    _signal(process, signal.SIGKILL)
            while any(process.alive for process in living):
                self._look(0.05)
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._awake.close()
        self._wake.close()

    def _turn(self, longest: float | None) -> None:
        """Sleep until something happens, at most `longest` seconds, and do what is to be done."""
        due = [process.start_at - time.monotonic() for process in self.processes if process.start_at is not None]
        waits = due if longest is None else [*due, longest]
        for process in self._look(max(min(waits), 0.0) if waits else None):
            self._judge(process)
        for process in self.processes:
            if process.start_at is not None and process.start_at <= time.monotonic():
                self._spawn(process)

    def _look(self, longest: float | None) -> list[Process]:
        """Sleep, hear what there is to hear, and return who has ended."""
        asked = self._asked_to_end
        for key, _ in self._selector.select(longest):
            key.data()
        ended = [
            process
            for process in self.processes
            if process.alive and process.popen and process.popen.poll() is not None
        ]
        for process in ended:
            self._bury(process)
        if asked == 0 and self._asked_to_end:
            raise Ended
        return ended

    def _spawn(self, process: Process) -> None:
        process.start_at = None
        me = os.getpid()

        def before_exec() -> None:
            # Should this process be killed outright, the kernel ends its children: softly, so that gunicorn takes its
            # own children along. There is only one thread, so code between fork and exec is safe.
            if prctl is not None:
                prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != me:
                    os._exit(1)

        process.popen = subprocess.Popen(
            process.command,
            cwd=ROOT,
            env=process.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,  # A Ctrl-C of the terminal reaches this process alone, which then ends all in order.
            pass_fds=process.keep,
            preexec_fn=before_exec,
        )
        output = process.popen.stdout
        assert output is not None
        os.set_blocking(output.fileno(), False)
        reader = _Lines(process, output)

        def read() -> None:
            if not reader.read():
                self.unhear(output)

        self.hear(output, read)

    def _bury(self, process: Process) -> None:
        popen = process.popen
        assert popen is not None
        assert popen.stdout is not None
        # What it started itself must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)
        # Its last words, before anybody judges its end.
        for key, _ in self._selector.select(0):
            if key.fileobj is popen.stdout:
                key.data()

    def _judge(self, process: Process) -> None:
        assert process.popen is not None
        how = exit_text(process.popen.returncode)
        if process.step:
            if not process.done:
                for other in self.processes:
                    other.quiet = True  # How the others end is no news now.
                reason = last_line("\n".join(process.lines))
                if reason.startswith("CommandError: "):
                    # It knows what is wrong and says it in one sentence.
                    raise Failed(reason.removeprefix("CommandError: "))
                for line in process.lines[:-1]:
                    say(line, process.name)
                raise Failed(f"{process.name} failed ({how}): {reason}")
            return
        now = time.monotonic()
        process.deaths = [death for death in process.deaths if now - death < DEATHS_WITHIN] + [now]
        if len(process.deaths) >= DEATHS:
            raise Failed(
                f"{process.name} ended {DEATHS} times within {DEATHS_WITHIN:.0f} seconds ({how});"
                " its own lines above say why."
            )
        wait = 0.1 * 2 ** len(process.deaths)
        say(f"{process.name} ended ({how}) and starts again in {wait:.1f} s")
        process.start_at = now + wait


class _Lines:
    """Cuts what one process prints into lines; a service's are shown at once, a step's kept."""

    def __init__(self, process: Process, output: IO[bytes]) -> None:
        self._process = process
        self._output = output
        self._rest = b""

    def read(self) -> bool:
        """Take what is there; return whether more may come."""
        try:
            data = self._output.read(65536)
        except OSError:
            data = b""
        if data is None:
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines = [self._rest]
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if len(self._process.lines) < 100:
                self._process.lines.append(text)
            if not (self._process.step or self._process.quiet):
                say(text, self._process.name)
        return bool(data)


def exit_text(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def _signal(process: Process, number: int) -> None:
    if not process.alive or process.popen is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGKILL:
            os.killpg(process.popen.pid, number)
        else:
            # A soft end is for the leader alone, who knows in which order its own children end.
            os.kill(process.popen.pid, number)
