"""The command line: `python -m jobs.cloudinfinite.emulator`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from .clock import Clock
from .demo import DEMO_SECRET_ID, DEMO_SECRET_KEY, populate
from .server import Server
from .signature import Known
from .switches import CHOICES, Switches
from .world import World

CREDENTIALS_VARIABLE = "EMULATOR_CREDENTIALS"
ENDS = frozenset({signal.SIGTERM, signal.SIGINT})
DEMO_LATENCY = 0.05  # about what a call to CI from the same region takes


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = _arguments()
    world = World(
        clock=Clock(arguments.now),
        seed=arguments.seed,
        latency=(DEMO_LATENCY if arguments.demo else 0.0) if arguments.latency is None else arguments.latency,
        switches=Switches().changed({name: getattr(arguments, name) for name in CHOICES}),
        credentials=arguments.credential or _from_environment(),
        populate=populate if arguments.demo else lambda world: None,
    )
    try:
        server = Server(world, arguments.bind, arguments.port)
    except OSError as trouble:
        sys.exit(f"emulator: cannot listen on {arguments.bind}:{arguments.port}: {trouble.strerror}")
    # Blocked in every thread, so that the one that waits for them gets them: a handler runs in the main thread alone, which
    # would not be woken by a signal that the kernel gave to a thread with a hanging call.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    sys.stdout.write(f"emulator listening on {arguments.bind}:{server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.sigwait(ENDS)
    os._exit(0)  # At once, whatever is hanging: nothing here needs to be kept or tidied up.


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.cloudinfinite.emulator",
        description=sys.modules[__package__].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--seed", type=int, default=7, help="what the generated jobs are made from (default: %(default)s)"
    )
    parser.add_argument("--demo", action="store_true", help="serve the demo buckets")
    parser.add_argument(
        "--latency", type=float, help=f"seconds before each answer (default: {DEMO_LATENCY} with --demo, else 0)"
    )
    parser.add_argument(
        "--now", type=float, help="unix seconds at which the clock starts; by default it is the machine's"
    )
    parser.add_argument(
        "--credential",
        type=_credential,
        action="append",
        metavar="ID:KEY[:TOKEN]",
        help=f"a credential to accept, repeatable; else {CREDENTIALS_VARIABLE} (comma-separated), else the demo pair",
    )
    for name, choices in CHOICES.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", dest=name, choices=choices, default=choices[0], help="a switch"
        )
    return parser.parse_args()


def _credential(text: str) -> Known:
    secret_id, _, rest = text.partition(":")
    secret_key, _, token = rest.partition(":")
    if not secret_id or not secret_key:
        raise argparse.ArgumentTypeError("a credential is ID:KEY or ID:KEY:TOKEN")
    return Known(secret_id, secret_key, token)


def _from_environment() -> list[Known]:
    text = os.environ.get(CREDENTIALS_VARIABLE, "")
    try:
        known = [_credential(one) for one in text.split(",") if one]
    except argparse.ArgumentTypeError as wrong:
        sys.exit(f"emulator: {CREDENTIALS_VARIABLE}: {wrong}")
    return known or [Known(DEMO_SECRET_ID, DEMO_SECRET_KEY)]


if __name__ == "__main__":
    main()
