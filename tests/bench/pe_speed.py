"""The policy engine against crm_simulate on the same CIBs: ``python -m tests.bench.pe_speed [--quick] [CASE ...]``.

CPU seconds (user and system, of the child processes: walls lie on a busy machine) and peak memory of both whole
processes, ``crm_simulate --run`` and ``hacluster simulate --run``; of our call alone, cold (parsing included) and warm
(one operation's result changed since the last call); and the ratios. At the end, how time grows with the size of the
input: the exponent e in ``time ~ size**e`` between neighbours. Both summaries are compared; a difference ends the run
with exit code 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PRIMITIVES = ("3x20", "16x200", "16x1000", "32x2000", "32x5000")
OTHERS = ("groups-16x200x5", "clones-32x100", "promotables-32x100", "chain-16x400")
STATES = ("fresh", "steady", "failed")
MOST_ROUNDS = 5
ENOUGH_S = 12.0
"""CPU seconds after which a case is measured well enough."""

QUICK = tuple(f"{size}-{state}" for size in PRIMITIVES[:3] for state in STATES) + tuple(
    f"{name}-{state}" for name in OTHERS for state in STATES[:2]
)
ALL = tuple(f"{name}-{state}" for name in (*PRIMITIVES, *OTHERS) for state in STATES)
ENVIRONMENT = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", CIB_shadow="")
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: CPU seconds, mebibytes at its peak; and what it printed."""

    cpu: float
    memory: float
    text: str


def run(command: list[str]) -> Cost:
    """The cost of a process. The parent stays small, for a child's peak begins with what it was forked from."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        _pid, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, f"{command} ended with {child.returncode}"
        out.seek(0)
        return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read().decode())


def best(commands: list[list[str]]) -> list[Cost]:
    """The cheapest run of each. They take turns, so that a machine that is slower for a while is it for all."""
    rounds = [[run(command) for command in commands]]
    while len(rounds) < MOST_ROUNDS and sum(cost.cpu for costs in rounds for cost in costs) < ENOUGH_S:
        rounds.append([run(command) for command in commands])
    return [min(costs, key=lambda cost: cost.cpu) for costs in zip(*rounds, strict=True)]


def summary(text: str) -> list[str]:
    """The lines of the transition summary."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("Transition Summary"):
            break
    return [line.rstrip() for line in lines if line.startswith("  * ")]


def measure(case: str, folder: Path) -> dict[str, float | bool | str]:
    """All figures of one case."""
    path = str(folder / "cib.xml")
    subprocess.run([sys.executable, "-m", "tests.bench.pe_cibs", case, path], check=True)
    size = os.path.getsize(path) / 1e6
    theirs, ours, call = best(
        [
            ["crm_simulate", "--run", "--xml-file", path],
            [str(Path(sys.executable).with_name("hacluster")), "simulate", "--run", "--xml-file", path],
            [sys.executable, "-m", "tests.bench.pe_calls", path],
        ]
    )
    calls = json.loads(call.text)
    return {
        "case": case, "megabytes": size, "theirs": theirs.cpu, "theirs_mib": theirs.memory,
        "ours": ours.cpu, "ours_mib": ours.memory, "cold": calls["cold"], "warm": calls["warm"],
        "same": summary(theirs.text) == summary(ours.text),
    }  # fmt: skip


HEADING = (
    f"{'case':<26}{'MB':>6} | {'crm_simulate':>16} | {'hacluster':>16} {'ratio':>5} {'memory':>6} |"
    f" {'cold':>7} {'ratio':>5} | {'warm':>7} {'ratio':>5}"
)


def show(row: dict[str, float]) -> str:
    """One line of the table."""
    theirs = row["theirs"]
    return (
        f"{row['case']:<26}{row['megabytes']:6.1f} | {theirs:7.2f} s {row['theirs_mib']:4.0f} MB |"
        f" {row['ours']:7.2f} s {row['ours_mib']:4.0f} MB {row['ours'] / theirs:5.2f}"
        f" {row['ours_mib'] / row['theirs_mib']:6.2f} | {row['cold']:5.2f} s {row['cold'] / theirs:5.2f} |"
        f" {row['warm']:5.3f} s {row['warm'] / theirs:5.2f}" + ("" if row["same"] else "   OTHER SUMMARY")
    )


def growth(rows: list[dict[str, float]]) -> list[str]:
    """The exponents of our calls over nodes times primitives, from one size to the next."""
    found = {str(row["case"]): row for row in rows}
    lines = []
    for state in STATES:
        steps = []
        for small, large in itertools.pairwise(PRIMITIVES):
            one, other = found.get(f"{small}-{state}"), found.get(f"{large}-{state}")
            if one is None or other is None:
                continue
            sizes = [math.prod(map(int, size.split("x"))) for size in (small, large)]
            scale = math.log(sizes[1] / sizes[0])
            parts = (f"{word} {math.log(other[word] / one[word]) / scale:.2f}" for word in ("theirs", "cold", "warm"))
            steps.append(f"{small} to {large}: {', '.join(parts)}")
        if steps:
            lines.append(f"{state:<7} " + "; ".join(steps))
    return lines


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description="The policy engine against crm_simulate.")
    parser.add_argument("--quick", action="store_true", help="leave the largest out")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("cases", nargs="*", help="only these")
    arguments = parser.parse_args()
    rows = []
    print(HEADING)
    with tempfile.TemporaryDirectory(prefix="hacluster-bench-") as folder:
        ENVIRONMENT["PYTHONPYCACHEPREFIX"] = str(Path(folder, "compiled"))
        measure("3x20-failed", Path(folder))
        for case in arguments.cases or (QUICK if arguments.quick else ALL):
            rows.append(measure(case, Path(folder)))
            print(show(rows[-1]), flush=True)
    for line in growth(rows):
        print(line)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1))
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
