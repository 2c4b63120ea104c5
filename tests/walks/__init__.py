"""Seeded walks through lists that move, against what upstream really held: `./dev walks`.

scenario  a seed -> a filter, switches, jobs, and what happens between pages
events    makes those things happen in the emulator and the cache
walker    pages through one chain by the product's own code
oracle    says what is wrong with a walk: rows lost unsaid, shown twice, invented, or counted wrongly
report    what many walks come to
"""

from __future__ import annotations
