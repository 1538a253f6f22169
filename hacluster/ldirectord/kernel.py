"""The kernel's IPVS table through ipvsadm(8): read whole, changed in batches.

``ipvsadm -S -n`` gives the services with all their options but no thresholds, so a table is completed from
``ipvsadm -L -n --thresholds``. Rules go to ``ipvsadm -R``. It goes on after a rule that the kernel refuses, says so on
standard error without naming the rule, and ends with 0; at a line that it cannot read it ends with 2 and leaves
the rest undone. So when it says anything the table is read, and what is not done is tried one by one: each fault is
known by its rule, and one bad rule keeps no other from working.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from typing import Final

from hacluster.director.words import Applied, TableRead
from hacluster.lvs.listing import with_thresholds
from hacluster.lvs.rules import Rule, batch, parse_rules
from hacluster.lvs.table import Table

FOLDERS: Final = "/sbin:/usr/sbin"
"""Where ipvsadm is looked for after PATH."""

LIMIT_S: Final = 20.0
"""How long one ipvsadm may take."""

BATCH: Final = 500
"""Rules for one ``ipvsadm -R``. The kernel keeps a service's servers in a list: 5,000 of them took half a minute."""


def find_ipvsadm() -> str:
    """The path of ipvsadm; its bare name when it is not installed, so that the error names it."""
    return shutil.which("ipvsadm", path=f"{os.environ.get('PATH', os.defpath)}:{FOLDERS}") or "ipvsadm"


class Ipvsadm:
    """Runs ipvsadm. ``program`` is its path; looked for when it is not given."""

    def __init__(self, program: str = "") -> None:
        self._program = program or find_ipvsadm()

    async def read(self) -> TableRead:
        """The table as it is now."""
        status, text, said = await self._run("-S", "-n")
        if status != 0:
            return TableRead(Table(), said or f"ipvsadm ended with status {status}")
        table, faults = parse_rules(text)
        if faults:
            return TableRead(Table(), f"ipvsadm -S -n printed what is no rule: {faults[0]}")
        if table.services:
            text, said = await self.listing("--thresholds")
            if said:
                return TableRead(Table(), said)
            with_thresholds(table, text)
        return TableRead(table)

    async def apply(self, rules: tuple[Rule, ...]) -> Applied:
        """Do the rules; whatever the outcome each was tried."""
        faults: list[tuple[Rule, str]] = []
        for begin in range(0, len(rules), BATCH):
            faults += await self._apply_some(rules[begin : begin + BATCH])
        return Applied(tuple(faults))

    async def listing(self, *options: str) -> tuple[str, str]:
        """What ``ipvsadm -L -n`` with these options prints, and what is wrong when it cannot be had."""
        status, text, said = await self._run("-L", "-n", *options)
        return (text, "") if status == 0 else ("", said or f"ipvsadm ended with status {status}")

    async def _apply_some(self, rules: tuple[Rule, ...]) -> list[tuple[Rule, str]]:
        status, _, said = await self._run("-R", stdin=batch(rules))
        if status == 0 and not said:
            return []
        now = await self.read()
        faults: list[tuple[Rule, str]] = []
        for rule in rules:
            if not now.fault and _done(now.table, rule):
                continue
            status, _, said = await self._run(*rule.argv())
            if status != 0:
                faults.append((rule, said or f"status {status}"))
        return faults

    async def _run(self, *words: str, stdin: str | None = None) -> tuple[int, str, str]:
        """Exit status, standard output, and the first line of standard error."""
        try:
            child = await asyncio.create_subprocess_exec(
                self._program,
                *words,
                stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            return 127, "", f"cannot run {self._program}: {error.strerror}"
        try:
            out, err = await asyncio.wait_for(child.communicate(stdin.encode() if stdin is not None else None), LIMIT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            return 124, "", f"ipvsadm gave no answer within {LIMIT_S:.0f} s"
        said = err.decode("utf-8", "replace").strip().splitlines()
        return child.returncode or 0, out.decode("utf-8", "replace"), said[0] if said else ""


def _done(table: Table, rule: Rule) -> bool:
    """Whether the table is already as the rule wants it."""
    id_, destination = rule.service.id, rule.destination
    if rule.command in {"-A", "-E"}:
        return table.services.get(id_) == rule.service
    if destination is None:
        return id_ not in table.services
    found = table.find(id_, destination.address, destination.port)
    return found is None if rule.command == "-d" else found == destination
