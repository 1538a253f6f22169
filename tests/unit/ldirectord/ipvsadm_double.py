#!/usr/bin/env python3
"""A program that stands where ipvsadm does and keeps the table in the file IPVS_TABLE: this kernel has no IPVS.

As ipvsadm 1.31: ``-R`` goes on after a rule that the kernel refuses and ends with 0; at a line that it cannot read it
ends with 2. One rule of its own that is refused ends with 255.
"""

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path

from hacluster.lvs.rules import parse_rule, parse_rules, perform, render
from hacluster.lvs.table import Destination, Protocol, ServiceId, Table
from hacluster.sim.directors import refused

KNOWN_FLAGS = {"sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"}


def listing(table: Table, columns: Callable[[Destination | None], str]) -> str:
    """As ``ipvsadm -L -n``: a service a line, its servers below it."""
    lines = ["IP Virtual Server version 1.2.1 (size=4096)", "Prot LocalAddress:Port", "  -> RemoteAddress:Port"]
    for id_ in table.services:
        lines.append(f"{named(id_)} {columns(None)}")
        lines += [f"  -> {entry} {columns(entry)}" for entry in table.of(id_)]
    return "".join(f"{line}\n" for line in lines)


def named(id_: ServiceId) -> str:
    """The start of a service's line."""
    ipv6 = " IPv6" if id_.ipv6 and id_.protocol is Protocol.FWM else ""
    return f"{id_.protocol.upper()} {id_}{ipv6}"


def restore(table: Table, lines: list[str], *, batch: bool) -> int:
    """Do the rules; the exit status."""
    for line in lines:
        rule = parse_rule(line)
        bad = [flag for flag in rule.service.flags.split(",") if flag and flag not in KNOWN_FLAGS]
        if bad:
            sys.stderr.write(f"invalid scheduler flag `{bad[0]}'\n")
            return 2
        said = refused(table, rule)
        if said:
            sys.stderr.write(f"{said}\n")
            if not batch:
                return 255
        else:
            perform(table, rule)
    return 0


file = Path(os.environ["IPVS_TABLE"])
words = sys.argv[1:]
with open(f"{file}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    table, _ = parse_rules(file.read_text() if file.exists() else "")
    status = 0
    if words[:1] == ["-S"]:
        sys.stdout.write(render(table))
    elif words[:1] != ["-L"]:
        batch = words == ["-R"]
        lines = sys.stdin.read().splitlines() if batch else [" ".join(words)]
        status = restore(table, lines, batch=batch)
        # Whole or not at all, as a kernel's table changes for who looks at it.
        new = file.with_name(f"{file.name}.new")
        new.write_text(render(table))
        new.replace(file)
    elif "--thresholds" in words:
        sys.stdout.write(listing(table, lambda entry: f"{entry.upper} {entry.lower} 0 0" if entry else ""))
    elif "--stats" in words or "--rate" in words:
        sys.stdout.write(listing(table, lambda entry: "7 40 30 4000 3000" if entry else "9 50 40 5000 4000"))
    else:
        sys.stdout.write(listing(table, lambda entry: f"Route {entry.weight} 3 4" if entry else ""))
sys.exit(status)
