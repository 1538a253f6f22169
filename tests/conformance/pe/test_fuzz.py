"""However broken a CIB is, we answer: with a decision or with what is wrong with it, in time."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.pe.fuzz import broken
from tests.conformance.pe.random_cib import of_seed
from tests.conformance.pe.test_cases import CASES

PATIENCE = 60
"""Seconds after which an answer does not come any more."""
LARGEST = 60_000
"""Bytes of the largest recorded CIB that is broken: the point is the damage, not the size."""


class Engine:
    """``hacluster simulate --batch`` in a process of its own, as a crash must not take the tests with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from hacluster.tools.main import main; main()", "simulate", "--batch"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def ask(self, cib: bytes) -> str:
        """The answer's line; what the process left behind if it ended."""
        path = self._folder / "cib.xml"
        path.write_bytes(cib)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write(f"{path}\t{self._folder / 'text'}\t{self._folder / 'graph'}\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], PATIENCE)[0]:
                process.kill()
                return "no answer"
            answer = process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        return answer or f"ended: {process.wait(PATIENCE)} {process.stderr.read()[-1500:]}"

    def close(self) -> None:
        process = self._process
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):  # what a dead process did not take is still to be written
                if stream is not None:
                    stream.close()
        process.wait(PATIENCE)


def _material(seed: int) -> bytes:
    names = sorted(name for name, files in CASES.items() if len(files["xml"]) < LARGEST)
    return CASES[names[seed * 7919 % len(names)]]["xml"] if seed % 3 else of_seed(seed)


def check(seeds: range, folder: Path) -> list[str]:
    """The seeds on which something else than an answer came."""
    engine, wrong = Engine(folder), []
    for seed in seeds:
        answer = engine.ask(broken(_material(seed), seed))
        if answer != "OK" and not answer.startswith("ERROR\t"):
            wrong.append(f"seed {seed}: {answer}")
            engine.close()
            engine = Engine(folder)
    engine.close()
    return wrong


def test_broken_cibs_get_an_answer(tmp_path: Path) -> None:
    assert check(range(150), tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_more_broken_cibs_get_an_answer(tmp_path: Path) -> None:
    assert check(range(150, 700), tmp_path) == []


def test_a_crash_is_noticed(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine._process.kill()
    assert engine.ask(b"<cib/>").startswith("ended")
    engine.close()


def test_an_entity_bomb_is_refused(tmp_path: Path) -> None:
    bombs = [data for data in (broken(of_seed(1), seed) for seed in range(200)) if data.startswith(b"<!DOCTYPE")]
    assert bombs
    engine = Engine(tmp_path)
    answers = [engine.ask(bomb) for bomb in bombs[:3]]
    engine.close()
    assert all(answer.startswith("ERROR\t") for answer in answers), answers
