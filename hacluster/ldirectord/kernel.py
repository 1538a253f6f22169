"""The kernel's IPVS table through ipvsadm(8): read whole, changed in batches.

``ipvsadm -S -n`` gives the services with all their options but no thresholds, so a table that has any is completed from
``ipvsadm -L -n --thresholds``. Rules go to one ``ipvsadm -R``; when that fails they are tried one by one, so that each
fault is known by its rule and one bad rule keeps no other from working.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from hacluster.director.words import Applied, TableRead
from hacluster.lvs.rules import Rule, RuleError, batch, parse_rules, split_host_port
from hacluster.lvs.table import Protocol, ServiceId, Table

IPVSADM: Final = "/sbin/ipvsadm"
LIMIT_S: Final = 20.0
"""How long one ipvsadm may take."""

_PROTOCOLS: Final = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP, "FWM": Protocol.FWM}


class Ipvsadm:
    """Runs ipvsadm. ``program`` is its path."""

    def __init__(self, program: str = IPVSADM) -> None:
        self._program = program

    async def read(self) -> TableRead:
        """The table as it is now."""
        status, text, said = await self._run("-S", "-n")
        if status != 0:
            return TableRead(Table(), said or f"ipvsadm ended with status {status}")
        table, faults = parse_rules(text)
        if faults:
            return TableRead(Table(), f"ipvsadm -S -n printed what is no rule: {faults[0]}")
        if table.services:
            status, text, said = await self._run("-L", "-n", "--thresholds")
            if status != 0:
                return TableRead(Table(), said or f"ipvsadm ended with status {status}")
            with_thresholds(table, text)
        return TableRead(table)

    async def apply(self, rules: tuple[Rule, ...]) -> Applied:
        """Do the rules; whatever the outcome each was tried."""
        status, _, said = await self._run("-R", stdin=batch(rules))
        if status == 0 and not said:
            return Applied()
        now = await self.read()
        faults: list[tuple[Rule, str]] = []
        for rule in rules:
            if not now.fault and _done(now.table, rule):
                continue
            status, _, said = await self._run(*rule.argv())
            if status != 0:
                faults.append((rule, said or f"status {status}"))
        return Applied(tuple(faults))

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


def with_thresholds(table: Table, listing: str) -> None:
    """Put the thresholds that ``ipvsadm -L -n --thresholds`` printed into ``table``.

    A service is a line ``TCP  10.0.0.1:80  …``; its servers follow as
    ``  -> 10.0.0.2:80   UPPER LOWER ACTIVE INACTIVE``.
    """
    service: ServiceId | None = None
    for line in listing.splitlines():
        words = line.split()
        if words and words[0] in _PROTOCOLS and len(words) > 1:
            service = _listed_service(_PROTOCOLS[words[0]], words)
        elif service is not None and len(words) >= 4 and words[0] == "->" and words[2].isdecimal():
            _note_thresholds(table, service, words)


def _listed_service(protocol: Protocol, words: list[str]) -> ServiceId | None:
    try:
        if protocol is Protocol.FWM:
            return ServiceId(protocol, mark=int(words[1]), ipv6="IPv6" in words)
        address, port = split_host_port(words[1], 0)
    except (RuleError, ValueError):
        return None
    return ServiceId(protocol, address, port, ipv6=":" in address)


def _note_thresholds(table: Table, service: ServiceId, words: list[str]) -> None:
    with contextlib.suppress(RuleError, ValueError):
        address, port = split_host_port(words[1], 0)
        found = table.find(service, address, port)
        if found is not None:
            table.destinations[service][address, port] = replace(found, upper=int(words[2]), lower=int(words[3]))
