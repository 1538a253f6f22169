"""``hacluster lvs``: virtual services, real servers, weights, connections, the last check, and why a server is out.

States come from the status sockets of the ldirectords that run here, counters from ipvsadm. Each is asked with a
deadline; what does not answer is said, and the rest is shown.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from hacluster.director.servers import table_port
from hacluster.ldirectord.kernel import Ipvsadm
from hacluster.ldirectord.places import run_files
from hacluster.lvs.listing import Listing, parse_listing
from hacluster.lvs.rules import split_host_port
from hacluster.lvs.table import Forward, Protocol, ServiceId

LIMIT_S: Final = 5.0
STATISTICS: Final = ("connections", "packets_in", "packets_out", "bytes_in", "bytes_out")
RATES: Final = tuple(f"{name}_per_s" for name in STATISTICS)
"""The columns of ``--stats --exact`` and ``--rate``."""

_LISTINGS: Final = ((), ("--stats", "--exact"), ("--rate",))


@click.command("lvs")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--stats", is_flag=True, help="Connections, packets and bytes since the last zero.")
@click.option("--rate", is_flag=True, help="The same per second.")
def lvs(*, as_json: bool, stats: bool, rate: bool) -> None:
    """Show virtual services and real servers of the ldirectords that run here.

    Exit status: 0 every real server serves; 1 one is out, or something could not be asked; 3 no ldirectord runs.
    """
    sys.exit(show(click.echo, lambda text: click.echo(f"hacluster lvs: {text}", err=True), as_json, stats, rate))


def show(out: Callable[[str], None], fault: Callable[[str], None], as_json: bool, stats: bool, rate: bool) -> int:
    """Tell what ``hacluster lvs`` tells, by these two voices; gives its exit status."""
    directors, faults = asyncio.run(gather())
    if as_json:
        out(json.dumps({"directors": directors, "faults": faults}, indent=2))
    else:
        for director in directors:
            out("\n".join(describe(director, stats=stats, rate=rate)))
        for text in faults:
            fault(text)
        if not directors and not faults:
            out("no ldirectord runs here")
    if not directors and not faults:
        return 3
    return 1 if faults or any(_out(director) for director in directors) else 0


async def gather() -> tuple[list[dict[str, Any]], list[str]]:
    """The directors with the counters put in, and what could not be asked."""
    sockets = run_files("sock")
    kernel, faults = Ipvsadm(), list[str]()
    answers = await asyncio.gather(*(_ask(path) for path in sockets))
    directors: list[dict[str, Any]] = []
    for path, answer in zip(sockets, answers, strict=True):
        if isinstance(answer, str):
            faults.append(f"{path}: {answer}")
        else:
            directors.append(answer)
    if directors:
        listed = await asyncio.gather(*(kernel.listing(*options) for options in _LISTINGS))
        faults += list(dict.fromkeys(f"no counters: {said}" for _, said in listed if said))
        connections, stats, rates = (parse_listing(text) for text, _ in listed)
        for director in directors:
            _count(director, connections, stats, rates)
    return directors, faults


async def _ask(path: Path) -> dict[str, Any] | str:
    """What a daemon says, or why it says nothing."""
    try:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                answer = json.loads(await reader.read())
            finally:
                writer.close()
    except TimeoutError:
        return f"no answer within {LIMIT_S:.0f} s"
    except OSError as error:
        return f"no answer: {error.strerror}"
    except ValueError:
        return "its answer cannot be read"
    return answer if isinstance(answer, dict) else "its answer cannot be read"


def _count(director: dict[str, Any], connections: Listing, stats: Listing, rates: Listing) -> None:
    """Put the counters into a director's answer; ``None`` for what has no entry in the table."""
    for virtual in director["virtuals"]:
        id_ = ServiceId(**{**virtual["id"], "protocol": Protocol(virtual["id"]["protocol"])})
        virtual["label"] = id_.label
        virtual |= dict(zip(STATISTICS, stats.numbers(id_) or [None] * 5, strict=False))
        virtual |= dict(zip(RATES, rates.numbers(id_) or [None] * 5, strict=False))
        for server in virtual["servers"]:
            address, port = split_host_port(server["name"], 0)
            key = (address, table_port(id_, port, Forward(server["forward"])))
            words = connections.servers.get(id_, {}).get(key, ())
            live = [int(word) if word.isdecimal() else None for word in words[2:4]] or [None, None]
            server |= dict(zip(("active", "inactive"), live, strict=False))
            server |= dict(zip(STATISTICS, stats.numbers(id_, key) or [None] * 5, strict=False))
            server |= dict(zip(RATES, rates.numbers(id_, key) or [None] * 5, strict=False))


def _out(director: dict[str, Any]) -> bool:
    servers = [server for virtual in director["virtuals"] for server in virtual["servers"]]
    return bool(director["table_fault"]) or any(server["state"] not in {"up", "off"} for server in servers)


def describe(director: dict[str, Any], *, stats: bool = False, rate: bool = False) -> list[str]:
    """The lines of one director."""
    lines = [f"ldirectord {director['configuration']}: {director['status']}"]
    if director["table_fault"]:
        lines.append(f"  the kernel's table cannot be read: {director['table_fault']}")
    columns = ["active", "inactive", *(STATISTICS if stats else ()), *(RATES if rate else ())]
    for virtual in director["virtuals"]:
        lines.append(f"  {_title(virtual)}")
        head = ["real server", "state", "weight", "forward", *columns, "checked", "why"]
        rows = [head, *(_row(server, columns, director["now_ms"]) for server in virtual["servers"])]
        widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
        lines += ["    " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return lines


def _title(virtual: dict[str, Any]) -> str:
    words = [virtual["label"], virtual["scheduler"]]
    if virtual["name"]:
        words.insert(1, f"({virtual['name']})")
    if virtual["persistent"] is not None:
        words.append(f"persistent {virtual['persistent']} s")
    if virtual["fallback"]:
        words.append(f"fallback {virtual['fallback']}: {virtual['fallback_state']}")
    return "  ".join(words)


def _row(server: dict[str, Any], columns: list[str], now_ms: int) -> list[str]:
    weight = "-" if server["weight"] is None else str(server["weight"])
    checked = "never" if server["checked_ms"] is None else f"{(now_ms - server['checked_ms']) / 1000:.1f} s ago"
    numbers = ["-" if server[name] is None else str(server[name]) for name in columns]
    return [server["name"], server["state"], weight, server["forward"], *numbers, checked, server["why"]]
