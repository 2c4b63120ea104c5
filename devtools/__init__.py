"""What `./dev` is made of. Standard library only, and nothing of the product: it works before anything is installed.

    messages     lines for people, and Failed
    variables    which variables are about an account, and which were meant to be
    files        small files under var, written in one step
    environment  .venv and the pinned packages
    redis        asks a Redis whether it can be used
    site         what the variables mean: where to serve, demo or real, what web and worker are given
    supervisor   runs processes, prints their lines, starts again what dies, ends all
    run          `./dev run` and `./dev manage`
    promtool     a promtool for the alert rules
    checks       `./dev check` and `./dev lock`
    browser      a Chromium for the tests
    testing      `./dev test` and what takes longer: bench, walks, fuzz, faults, shots

A module imports only what stands above it here.
"""

from __future__ import annotations
