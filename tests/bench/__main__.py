"""``make bench``: every figure that the README quotes, one after the other."""

from __future__ import annotations

import runpy
import sys

FIGURES = (
    ("wire_decode",),
    ("footprint",),
    ("outage",),
    ("streams",),
    ("fencing", "--runs", "3", "--ms", "1000"),
    ("tool_calls",),
    ("pe_speed", "--quick"),
)

for name, *options in FIGURES:
    print(f"\n== {name}", flush=True)
    sys.argv = [name, *options]
    runpy.run_module(f"tests.bench.{name}", run_name="__main__")
