"""``hb_standby`` and ``hb_takeover``: move resources between the two nodes, and say what became of it.

Arguments and the exit status for wrong ones are Heartbeat's. The originals return at once and never say whether the
request was taken; these say so, and with ``--wait`` when it is done.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hacluster.base.errors import HaError
from hacluster.client.cluster import HANDOVER_TIMEOUT_S, Cluster
from hacluster.client.errors import NotRunningError, RefusedError
from hacluster.msg.haresources import Hold
from hacluster.tools.words import UsageError, Words, complain, end, parse, rendered

_WORDS: Final = {hold.value: hold for hold in (Hold.ALL, Hold.FOREIGN, Hold.LOCAL)}

STANDBY: Final[Mapping[str, Hold]] = MappingProxyType(_WORDS | {"failback": Hold.FOREIGN})
"""To give back what belongs to the other node."""

TAKEOVER: Final[Mapping[str, Hold]] = MappingProxyType(_WORDS | {"failback": Hold.LOCAL})
"""To get back what belongs here; the original makes the other node give up everything, which is a fault of it."""

MAX_TIMEOUT_S: Final = 1_000_000
"""Longest time to wait for the end of a handover: 11 days. More than that does not fit into the kernel's timers."""

USAGE: Final = """\
{name} [all|foreign|local|failback] [--wait] [--timeout SECONDS] [--output-as text|json|xml] [--run-dir DIR]

{what} (default: all). With --wait, returns when that is finished.
Exit status: 0 accepted (with --wait: done), 1 wrong argument, refused, failed, or the cluster software does not run."""

WHAT: Final = {
    "hb_standby": "Gives up resources of this node to the other one",
    "hb_takeover": "Takes resources over from the other node",
}


def main(name: str, argv: Sequence[str]) -> int:
    """Run ``hb_standby`` or ``hb_takeover``; the answer is its exit status."""
    table = STANDBY if name == "hb_standby" else TAKEOVER
    usage = USAGE.format(name=name, what=WHAT[name])
    try:
        words = parse(argv, flags=("-h", "--help", "--wait", "-w"), values=("--timeout",))
        timeout_s = float(words.values.get("--timeout", HANDOVER_TIMEOUT_S))
        if not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise ValueError(timeout_s)
    except ValueError:
        return _usage("", f"{name}: --timeout needs a number of seconds", usage)
    except UsageError as error:
        return _usage("", f"{name}: {error}", usage)
    chosen = words.plain or ("all",)
    if words.flags & {"-h", "--help"}:
        return _usage("", "", usage)
    if len(chosen) != 1:
        return _usage(f"{name}: too many arguments", "", usage)
    if chosen[0] not in table:
        return _usage(f"{name}: wrong resources({chosen[0]}).", "", usage)
    return _run(name, words, table[chosen[0]], timeout_s)


def _usage(said: str, complaint: str, usage: str) -> int:
    """What is wrong, and how to do it right: on the same outputs as the original."""
    print("\n".join((*([said] if said else []), "usage:")), flush=True)
    complain("\n".join((*([complaint] if complaint else []), usage)))
    return 1


def _run(name: str, words: Words, which: Hold, timeout_s: float) -> int:
    wait = bool(words.flags & {"--wait", "-w"})
    said: list[str] = []

    def accepted(text: str) -> None:
        said.append(text or "accepted")
        if words.output_as == "text":
            print(f"{name}: {said[-1]}", flush=True)

    try:
        with Cluster(words.run_dir, name=name) as cluster:
            call = cluster.standby if name == "hb_standby" else cluster.takeover
            finished = call(which, wait=wait, accepted=accepted, timeout_s=timeout_s)
    except RefusedError as error:
        data = {"accepted": bool(said), "code": error.refused.code, "reason": error.refused.text}
        return _report(name, words, 1, f"refused: {error}", data)
    except NotRunningError as error:
        text = f"Heartbeat is stopped on this machine ({error})"
        return _report(name, words, 1, text, {"accepted": False, "running": False, "reason": text})
    except HaError as error:
        return _report(name, words, 1, str(error), {"accepted": bool(said), "reason": str(error)})
    data = {"accepted": True, "text": said[-1] if said else ""}
    if finished is None:
        return _report(name, words, 0, "", data)
    data |= {"finished": finished.ok, "result": finished.text, "elapsed_ms": finished.elapsed_ms}
    text = f"{finished.text or ('done' if finished.ok else 'failed')} ({finished.elapsed_ms / 1000:.1f} s)"
    return _report(name, words, 0 if finished.ok else 1, text, data)


def _report(name: str, words: Words, code: int, text: str, data: dict[str, object]) -> int:
    if words.output_as != "text":
        print(rendered(words.output_as, name, text, {**data, "exit": code}))
    elif text and code == 0:
        print(f"{name}: {text}")
    elif text:
        complain(f"{name}: {text}")
    return code


def hb_standby() -> None:
    """The entry point of ``hb_standby``."""
    end(lambda: main("hb_standby", sys.argv[1:]))


def hb_takeover() -> None:
    """The entry point of ``hb_takeover``."""
    end(lambda: main("hb_takeover", sys.argv[1:]))
