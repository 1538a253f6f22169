"""Our decisions beside those of Pacemaker's crm_simulate, on random CIBs.

``python -m tests.conformance.pe.differential --seeds 0..999 [--stage 2] [--shrink]`` prints the agreement per level and
the differences; with ``--shrink`` also the smallest CIB that it finds for each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from hacluster.base.errors import ConfigError
from hacluster.cib.document import parse_document
from hacluster.cib.upgrade import upgrade
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.simulation.report import Wishes, simulate
from hacluster.tools.cibinput import date_line, effective_now
from tests.conformance.pe.levels import LEVELS, Answer, compare, read
from tests.conformance.pe.mutate import evolve
from tests.conformance.pe.random_cib import of_seed
from tests.conformance.pe.shrink import without

PEERS = os.environ.get("HACLUSTER_NEWEST", "/usr/sbin:/usr/bin")
"""Where Pacemaker's own programs are (``.ci/newest`` installs those of its newest version beside the system's)."""
ORACLE = shutil.which("crm_simulate", path=PEERS)
"""Pacemaker's own: a command of ours has the same name."""
ENVIRONMENT = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", CIB_shadow="")


@dataclass(slots=True)
class Verdict:
    """What came of one CIB. ``oracle``: why crm_simulate gave no answer; ``error``: why we gave none."""

    name: str
    cib: bytes
    differences: dict[str, list[str]] = field(default_factory=dict)
    oracle: str = ""
    error: str = ""

    @property
    def agrees(self) -> bool:
        return not self.error and not any(self.differences.values())


def oracle(cib: bytes, folder: Path) -> tuple[Answer | None, str, bytes | None]:
    """What crm_simulate says: its answer, or why there is none; and the CIB that the transition leaves."""
    paths = {name: folder / name for name in ("cib.xml", "graph.xml", "left.xml")}
    for path in paths.values():
        path.unlink(missing_ok=True)
    paths["cib.xml"].write_bytes(cib)
    assert ORACLE is not None
    command = [ORACLE, "--xml-file", str(paths["cib.xml"]), "--simulate", "--show-scores",
               "--save-graph", str(paths["graph.xml"]), "--save-output", str(paths["left.xml"])]  # fmt: skip
    try:
        ran = subprocess.run(command, capture_output=True, timeout=20, check=False, env=ENVIRONMENT)
    except subprocess.TimeoutExpired:
        return None, "timeout", None
    complaints = ran.stderr.decode(errors="replace")
    if ran.returncode != 0 and "An invalid transition was produced" not in complaints:
        return None, f"exit {ran.returncode}: {complaints[:300]}", None
    graph, left = paths["graph.xml"], paths["left.xml"]
    answer = read(ran.stdout.decode(errors="replace"), graph.read_bytes() if graph.exists() else None)
    return answer, "", left.read_bytes() if left.exists() else None


def ourselves(cib: bytes) -> Answer:
    """What we say to the same CIB."""
    document = parse_document(cib, "cib.xml")
    upgrade(document)
    now = effective_now(document, None)
    wishes = Wishes(scores=True, date=date_line(document, None, now))
    outcome = simulate(document, now, int(time.time()), wishes)
    assert outcome.transition is not None
    return read("\n".join(outcome.lines) + "\n", etree.tostring(graph_xml(outcome.transition.graph)))


def judge(name: str, cib: bytes, folder: Path) -> tuple[Verdict, bytes | None]:
    """Compare both on one CIB."""
    verdict = Verdict(name, cib)
    theirs, verdict.oracle, left = oracle(cib, folder)
    try:
        ours = ourselves(cib)
    except ConfigError as error:
        verdict.error = f"refused: {error}"
    except Exception:
        verdict.error = traceback.format_exc()
        return verdict, left
    if theirs is not None:
        verdict.differences = compare(etree.fromstring(cib), ours, theirs)
    return verdict, left


def chain(seed: int, stages: int, folder: Path) -> Iterator[Verdict]:
    """A seed's CIB, then what its transition leaves with a few things changed, and so on."""
    cib: bytes | None = of_seed(seed)
    for stage in range(1, stages + 1):
        assert cib is not None
        verdict, left = judge(f"{seed}.{stage}", cib, folder)
        yield verdict
        if left is None:
            return
        cib = evolve(left, seed * 16 + stage)


def _work(job: tuple[int, int]) -> list[Verdict]:
    seed, stages = job
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        return list(chain(seed, stages, Path(folder)))


def verdicts(seeds: range, stages: int, jobs: int) -> Iterator[Verdict]:
    """The verdicts of many seeds."""
    left = [(seed, stages) for seed in seeds]
    while left:
        with ProcessPoolExecutor(jobs) as pool:
            futures = [pool.submit(_work, job) for job in left]
            try:
                for future in futures:
                    yield from future.result()
                    left.pop(0)
            except BrokenProcessPool:
                pool.shutdown(cancel_futures=True)
                yield from _alone(left.pop(0))


def _alone(job: tuple[int, int]) -> list[Verdict]:
    """A job that may have ended its process, in a process of its own."""
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(_work, job).result()
        except BrokenProcessPool:
            return [Verdict(f"{job[0]}.?", of_seed(job[0]), error="ended its process")]


def _signature(verdict: Verdict) -> frozenset[str]:
    if verdict.error:
        return frozenset({verdict.error.strip().splitlines()[-1][:60]})
    return frozenset(level for level, lines in verdict.differences.items() if lines)


def shrink(verdict: Verdict, folder: Path) -> Verdict:
    """A smaller CIB on which the lowest differing level still differs."""
    best = verdict
    wanted = next((name for name in LEVELS if best.differences.get(name)), "")

    def still(candidate: Verdict) -> bool:
        if candidate.oracle:
            return False
        if not wanted:
            return _signature(candidate) == _signature(verdict)
        return bool(candidate.differences.get(wanted))

    progress = True
    while progress:
        progress, number = False, 0
        while True:
            smaller = without(best.cib, number)
            if smaller is None:
                break
            candidate, _ = judge(verdict.name, smaller, folder)
            if still(candidate):
                best, progress = candidate, True
            else:
                number += 1
    return best


def report(verdict: Verdict, limit: int = 12) -> str:
    """The differences of one CIB, readable."""
    lines = [f"=== {verdict.name}"]
    if verdict.error:
        lines.append(verdict.error)
    for level, found in verdict.differences.items():
        if found:
            lines += [f"  {level}:", *(f"    {item}" for item in found[:limit])]
            if len(found) > limit:
                lines.append(f"    … {len(found) - limit} more")
    return "\n".join(lines)


def _table(counted: Counter[str]) -> str:
    total = counted["compared"]
    rates = [f"{level} {counted[level]}/{total}" for level in (*LEVELS, "all")]
    return f"{' '.join(rates)} errors {counted['errors']} without an answer of crm_simulate {counted['oracle']}"


def record(path: Path) -> None:
    """Write down beside a CIB what crm_simulate says to it: ``.txt`` the report, ``.graph`` the transition graph."""
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        answer, why, _ = oracle(path.read_bytes(), Path(folder))
    if answer is None or answer.graph is None:
        raise SystemExit(f"{path}: crm_simulate gives no answer: {why}")
    path.with_suffix(".txt").write_text(answer.text)
    etree.indent(answer.graph)
    path.with_suffix(".graph").write_bytes(etree.tostring(answer.graph) + b"\n")


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; the exit status is 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..99", help="FIRST..LAST")
    parser.add_argument("--stages", type=int, default=2, help="how many transitions follow each other")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--shrink", action="store_true", help="look for the smallest CIB of each difference")
    parser.add_argument("--keep", metavar="DIR", help="write the differing CIBs there")
    parser.add_argument("--file", help="compare this CIB instead")
    parser.add_argument("--limit", type=int, default=12, help="lines per level")
    parser.add_argument("--record", metavar="CIB", nargs="*", help="write down crm_simulate's answers to these CIBs")
    options = parser.parse_args(arguments)
    if options.record:
        for path in options.record:
            record(Path(path))
        return 0
    first, _, last = options.seeds.partition("..")
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="differential-") as name:
        folder = Path(name)
        if options.file:
            found: Iterator[Verdict] = iter([judge(options.file, Path(options.file).read_bytes(), folder)[0]])
        else:
            found = verdicts(range(int(first), int(last or first) + 1), options.stages, options.jobs)
        for verdict in found:
            if verdict.oracle:
                counted["oracle"] += 1
                print(f"=== {verdict.name} has no answer of crm_simulate: {verdict.oracle}")
                continue
            counted["compared"] += 1
            counted["all"] += verdict.agrees
            counted["errors"] += bool(verdict.error)
            counted.update(level for level in LEVELS if not verdict.error and not verdict.differences[level])
            if verdict.agrees:
                continue
            if options.keep:
                Path(options.keep, f"{verdict.name}.xml").write_bytes(verdict.cib)
            told = shrink(verdict, folder) if options.shrink else verdict
            if options.shrink:
                print(told.cib.decode())
            print(report(told, options.limit), flush=True)
    print(_table(counted))
    return 0 if counted["all"] == counted["compared"] else 1


if __name__ == "__main__":
    sys.exit(main())
