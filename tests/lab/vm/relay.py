"""Tests that need another kernel: they run in one machine, all together, and their reports appear here one by one."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hacluster.lab.hosts import Lab
from tests.lab.vm.machine import Answer, Machine, MachineError
from tests.lab.vm.reporting import LINE

ROOT: Final = Path(__file__).parents[3]
LIMIT_S: Final = 900.0
INSIDE: Final = "HACLUSTER_IN_MACHINE"
"""Set in the environment of a run inside a machine."""


class Relay:
    """One machine with one run of pytest in it, for the tests of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._lab = Lab("machine")
        self._answer: Answer | None = None
        self._fault = ""
        self._reports: dict[str, list[dict[str, Any]]] = {}
        self._position = 0
        self._closing = False
        try:
            self.machine = Machine("ipvs", self._lab, memory_mib=1024, cpus=2, lines=[LINE])
        except BaseException:
            self._lab.close()
            raise
        self._thread = threading.Thread(target=self._run, args=(list(names),), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The machine goes. May be called again."""
        self._closing = True
        self.machine.cut()
        self._thread.join()
        self.machine.close()
        self._lab.close()

    def reports(self, name: str) -> list[dict[str, Any]]:
        """The reports of one test, serialised as pytest does; :class:`MachineError` when they will never come."""
        while True:
            ended = not self._thread.is_alive()
            self._read()
            found = self._reports.get(name, [])
            if found and found[-1]["when"] == "teardown":
                return found
            if ended:
                said = self._fault or (f"{self._answer.out}\n{self._answer.err}" if self._answer else "")
                raise MachineError(f"{name} was not run in the machine:\n{said[-5000:]}")
            time.sleep(0.1)

    def _run(self, names: list[str]) -> None:
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.lab.vm.reporting",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        ]
        environment = {name: value for name, value in os.environ.items() if name.startswith("HACLUSTER_")}
        environment |= {INSIDE: "1", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            self._answer = self.machine.run(
                [*argv, "-q", "--tb=short", *names], env=environment, cwd=str(ROOT), timeout_s=LIMIT_S
            )
        except (MachineError, OSError) as error:
            self._fault = "" if self._closing else str(error)

    def _read(self) -> None:
        with open(self.machine.line(LINE), "rb") as file:
            file.seek(self._position)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._position += len(whole)
        for line in whole.splitlines():
            report = json.loads(line)
            self._reports.setdefault(report["nodeid"], []).append(report)
