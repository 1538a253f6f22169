"""The original tools and ours, in the same situation: alpha runs Debian's heartbeat and its tools, beta hacluster.

Both are asked the same: what a tool prints on either output and how it exits is compared word for word. What differs on
purpose is in the tables ``WANTED…``, each with what ours says, and in README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import require_lab
from tests.interop.conftest import Pair
from tests.nodes import BIN, SHARE, Node, RealNode

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

PING = "10.77.0.2"
"""Beta's address as a ping node: it answers, whichever node asks."""

Said = tuple[int, str, str]
"""Exit status, standard output, standard error."""

MUST_DIFFER = (
    (re.compile(r"^(?:\w{3} +\d+ [\d:]{8} \w+ )?cl_status: (?:\[\d+\]: )?(?=ERROR)", re.MULTILINE), ""),
    (re.compile(r"3\.0\.6 \(node: \w+\)|hacluster [\d.]+"), "VERSION"),
)
"""The head of a line of log, the version."""

WE_SAY_MORE = (
    (re.compile(r"^(?:this node|signature|seal):\t.*\n", re.MULTILINE), ""),
    (re.compile(r"(?<=\(nodetype: normal), [^)]*(?=\))"), ""),
    (re.compile(r"^ERROR: REASON: (?:there is no (?:node|link) .*|it is not set, .*|)\n", re.MULTILINE), ""),
    (re.compile(r"(?<=\[all\|foreign\|local\|failback\])(?:.|\n)*"), ""),
)
"""How datagrams are protected; a reason where the original has none; options of ours."""

THEY_SAY_MORE = ((re.compile(r"^ERROR: Error: getopt returned.*\n", re.MULTILINE), ""),)
"""A trace of the program's inside."""


def says(node: Node, *argv: str) -> Said:
    """What a tool says on a node, without what must differ."""
    tool, *words = argv
    real = isinstance(node, RealNode)
    path = ("/usr/bin/cl_status" if tool == "cl_status" else f"{SHARE}/{tool}") if real else str(BIN / tool)
    done = node.host.run([path, *words], timeout=60)
    out, err = (_plain(text.replace(path, tool)) for text in (done.stdout, done.stderr))
    return done.returncode, out, err


def _plain(text: str) -> str:
    for pattern, instead in (*MUST_DIFFER, *WE_SAY_MORE, *THEY_SAY_MORE):
        text = pattern.sub(instead, text)
    return text


def differences(pair: Pair, lines: Iterable[str]) -> list[str]:
    """What the two say to the same command, where that is not the same."""
    found = []
    with ThreadPoolExecutor(2) as both:
        for line in lines:
            theirs, ours = both.map(lambda node, line=line: says(node, *line.split()), pair.nodes)
            if theirs != ours:
                found.append(f"{line}\n    original {theirs}\n    ours     {ours}")
    return found


def as_wanted(pair: Pair, table: dict[str, Said]) -> list[str]:
    """What ours says to the commands of a table, where that is not what the table says."""
    found = []
    for line, wanted in table.items():
        ours = says(pair.beta, *line.split())
        if (ours[0], wanted[1] in ours[1], wanted[2] in ours[2]) != (wanted[0], True, True):
            found.append(f"{line}\n    wanted {wanted}\n    got    {ours}")
    return found


ABOUT_NODES = ("nodestatus", "nodetype", "nodeweight", "nodesite", "listhblinks")
ALL = (*ABOUT_NODES, "hbstatus", "listnodes", "hblinkstatus", "clientstatus", "rscstatus", "hbparameter")
ARGUMENTS = {
    **dict.fromkeys(ABOUT_NODES, "beta"),
    "hblinkstatus": "beta eth0",
    "clientstatus": "beta nosuch 3000",
    "hbparameter": "-p deadtime",
}

CL_STATUS = [
    *(f"cl_status {sub}" for sub in ALL),
    *(f"cl_status {sub} {ARGUMENTS.get(sub, '')}" for sub in ALL),
    *(f"cl_status {sub} {ARGUMENTS.get(sub, '')} too many" for sub in ALL),
    *(f"cl_status {sub} -m {ARGUMENTS.get(sub, '')}" for sub in ALL),
    *(f"cl_status {sub} {ARGUMENTS.get(sub, '')} -m" for sub in ALL),
    *(f"cl_status {sub} -x {ARGUMENTS.get(sub, '')}" for sub in ALL),
    *(f"cl_status {sub} -n {ARGUMENTS.get(sub, '')}" for sub in ALL),
    *(f"cl_status {sub} -p {ARGUMENTS.get(sub, '')}" for sub in ALL if sub != "hbparameter"),
    *(f"cl_status {sub} -v {ARGUMENTS.get(sub, '')}" for sub in ALL if sub != "rscstatus"),  # ours tells each group
    *(f"cl_status {sub} {name}" for sub in ABOUT_NODES for name in ("alpha", "ALPHA", PING, "nosuch", "-- beta")),
    *(f"cl_status listnodes {options}" for options in ("-np", "-n -p", "-mp", "-mn", "-vm", "-vn", "-v -p", "-mvp")),
    *(f"cl_status hbstatus {options}" for options in ("-vm", "-v -x", "-m -v too many")),
    "cl_status listhblinks -m -v alpha",
    "cl_status hblinkstatus beta",
    "cl_status hblinkstatus alpha eth0",
    "cl_status hblinkstatus beta eth9",
    "cl_status hblinkstatus nosuch eth0",
    f"cl_status hblinkstatus {PING} {PING}",
    "cl_status clientstatus beta",
    "cl_status clientstatus alpha nosuch 3000",
    "cl_status clientstatus nosuch nosuch",
    *(
        f"cl_status hbparameter -p {name}"
        for name in (
            *("keepalive", "deadtime", "warntime", "initdead", "deadping", "udpport", "auto_failback", "logfile"),
            *("cluster", "debug", "realtime", "hopfudge", "hbgenmethod", "baud", "node", "bcast", "ping", "nosuch"),
            *("hbversion", "compression", "msgfmt", "logfacility", "debugfile", "use_logd", "crm", "respawn"),
        )
    ),
    "cl_status hbparameter -pdeadtime",
    "cl_status hbparameter -m -p nosuch",
    "cl_status hbparameter deadtime",
    "cl_status hbparameter -p",
    *(f"cl_status {word}" for word in ("nosuch", "HBSTATUS", "-m", "-x", "-V", "-m hbstatus", "--version")),
]

WHILE_STOPPED = [
    *(f"cl_status {sub} {ARGUMENTS.get(sub, '')}" for sub in ALL),
    *(f"cl_status {line}" for line in ("nodestatus", "nodestatus -x", "hbparameter -p", "clientstatus beta x abc")),
    *(f"cl_status hbstatus {options}" for options in ("-v", "-m", "-v -x", "too many")),
    *(f"cl_status {word}" for word in ("nosuch", "-m", "-m hbstatus")),
]
"""Then the same is said to nearly everything, and the original takes its time for it."""

WANTED_CL_STATUS = {
    "cl_status": (0, "Usage: cl_status <sub-command> [<options>] [<parameters>]\n\nSub-commands:\n", ""),
    "cl_status -h": (0, "Usage: cl_status", ""),
    "cl_status --help": (0, "Usage: cl_status", ""),
    "cl_status nodestatus --help": (0, "Usage: cl_status", ""),
}
"""Help is where people look for it, in words of our own."""

WANTED_WHILE_RUNNING = {
    "cl_status parameter -p deadtime": (0, "5\n", ""),
    "cl_status clientstatus beta nosuch abc": (11, "", "'abc' is not a time in ms"),
    "hb_setweight beta": (1, "usage: hb_setweight <node> <weight>\n", ""),
    "hb_setweight beta 5 6": (1, "usage: hb_setweight <node> <weight>\n", ""),
    "hb_setweight beta heavy": (1, "", "'heavy' is not a weight"),
    "hb_setweight nosuch 5": (1, "", "nosuch"),
    "hb_setsite beta": (1, "usage: hb_setsite <node> <site>\n", ""),
    "hb_addnode -h": (1, "usage: hb_addnode <node> <node> ...\n", ""),
    "hb_addnode alpha": (1, "", "alpha is in the cluster already"),
    "hb_delnode -h": (1, "usage: hb_delnode <node> <node> ...\n", ""),
    "hb_delnode alpha": (1, "", "alpha is active"),
    "hb_delnode beta": (1, "", "a node cannot remove itself"),
}
"""The man page's name of a sub-command works; what cannot be done is refused, where the originals say nothing."""

STOPPED = "Heartbeat is stopped on this machine"
WANTED_WHILE_STOPPED = {
    "hb_standby": (1, "", STOPPED),
    "hb_takeover local": (1, "", STOPPED),
    "hb_addnode gamma": (1, "", STOPPED),
    "hb_delnode gamma": (1, "", STOPPED),
    "hb_setweight alpha 5": (1, "", STOPPED),
    "hb_setsite alpha cellar": (1, "", STOPPED),
}
"""The originals write into a FIFO that nobody reads, and say that all is well."""

WRONG_WORDS = [
    *(f"{tool} {words}" for tool in ("hb_standby", "hb_takeover") for words in ("x", "all x", "help", "--help")),
    *(f"{tool} {words}" for tool in ("hb_addnode", "hb_delnode") for words in ("", "--help")),
    *(f"{tool} {words}" for tool in ("hb_setweight", "hb_setsite") for words in ("", "--help")),
]


def test_while_both_are_stopped_and_while_both_run(make_pair):
    require_lab()
    pair = make_pair("bcast-sha1", extra=f"ping {PING}\n")
    assert differences(pair, WHILE_STOPPED) == []
    assert differences(pair, WRONG_WORDS) == []
    assert as_wanted(pair, WANTED_CL_STATUS | WANTED_WHILE_STOPPED) == []

    for node in pair.nodes:
        node.start()
    pair.settled("local", "local")
    assert differences(pair, CL_STATUS) == []
    assert differences(pair, WRONG_WORDS) == []
    assert as_wanted(pair, WANTED_CL_STATUS | WANTED_WHILE_RUNNING) == []

    # What is set on either is seen on both.
    for node, weight in ((pair.alpha, "7"), (pair.beta, "9")):
        assert says(node, "hb_setweight", "beta", weight) == (0, "", "")
        assert says(node, "hb_setsite", "alpha", f"cellar{weight}") == (0, "", "")
        lines = (f"cl_status nodeweight {m} beta" for m in ("", "-m"))
        assert differences(pair, lines) == []
        assert says(pair.beta, "cl_status", "nodesite", "alpha")[1] == f"cellar{weight}\n"

    # Each standing of the resources has its word, for scripts and for people.
    for giver, words in ((pair.alpha, ("none", "all")), (pair.beta, ("all", "none"))):
        giver.standby("all")
        pair.settled(*words)
        for node, word in zip(pair.nodes, words, strict=True):
            assert says(node, "cl_status", "rscstatus") == (0, f"{word}\n", "")
            assert says(node, "cl_status", "rscstatus", "-m") == (0, f"This node is holding {word} resources.\n", "")
