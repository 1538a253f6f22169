#!/usr/bin/env python3
"""A program that stands where ipvsadm does and keeps the table in the file IPVS_TABLE: this kernel has no IPVS."""

import os
import sys
from pathlib import Path

from hacluster.lvs.rules import parse_rule, parse_rules, perform, render
from hacluster.sim.directors import refused

file = Path(os.environ["IPVS_TABLE"])
table, _ = parse_rules(file.read_text() if file.exists() else "")
words = sys.argv[1:]
if words[:1] == ["-S"]:
    sys.stdout.write(render(table))
elif words[:1] != ["-L"]:
    lines = sys.stdin.read().splitlines() if words == ["-R"] else [" ".join(words)]
    for line in lines:
        rule = parse_rule(line)
        said = refused(table, rule)
        if said:
            sys.stderr.write(f"{said}\n")
            file.write_text(render(table))
            sys.exit(1)
        perform(table, rule)
    file.write_text(render(table))
