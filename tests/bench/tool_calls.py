"""Wall times of one-shot tools beside the original's, each call of ours next to the same of theirs, in one run.

``python -m tests.bench.tool_calls [--case 16x200-steady] [--runs 7]``: medians, and how many times longer ours takes.
The CIB is in a file, so both do the same work; ``--help`` is what the start alone costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.pe_cibs import cib

THEIRS = Path("/usr/sbin")
OURS = Path(sys.executable).parent
CALLS = (
    "cibadmin -Q", "cibadmin -Q -o nodes", "crm_mon -1", "crm_mon --output-as=xml", "crm_resource -W -r r001",
    "crm_resource -L", "crm_resource -r r001 -g fake", "crm_attribute -n no-quorum-policy -G", "crm_standby -G -N n1",
    "crm_failcount -G -r r001 -N n1", "crm_ticket -l", "crm_node --help", "crm_verify -L", "crm_rule -c -r none",
    "crm_simulate -LR", "attrd_updater --help", "crmadmin -N", "crm_error 5", "crm_diff --help", "crm_shadow --help",
    "iso8601 -d 2005-040", "stonith_admin --help", "crm_resource --help", "cibadmin --help", "crm_mon --help",
)  # fmt: skip


def seconds(folder: Path, call: str, environment: dict[str, str]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    program, *words = call.split()
    before, began = os.times(), time.perf_counter()
    subprocess.run([folder / program, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)  # fmt: skip
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return wall, used


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="16x200-steady")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cib.xml"
        file.write_bytes(cib(given.case))
        environment = {**os.environ, "CIB_file": str(file), "LC_ALL": "C"}
        print(f"{given.case}, medians of {given.runs}: wall (and processor) in milliseconds")
        print(f"{'call':<40}{'ours':>16}{'original':>16}{'times':>8}")
        for call in CALLS:
            rows: dict[Path, list[tuple[float, float]]] = {OURS: [], THEIRS: []}
            for _ in range(given.runs):
                for place, found in rows.items():
                    if (place / call.split()[0]).exists():
                        found.append(seconds(place, call, environment))
            ours, theirs = (
                tuple(statistics.median(part) for part in zip(*found, strict=True)) if found else (0.0, 0.0)
                for found in rows.values()
            )
            times = f"{ours[0] / theirs[0]:>8.1f}" if theirs[0] else f"{'-':>8}"
            shown = "".join(f"{f'{1e3 * wall:.0f} ({1e3 * used:.0f})':>16}" for wall, used in (ours, theirs))
            print(f"{call:<40}{shown}{times}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
