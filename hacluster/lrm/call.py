"""What an agent class makes of an operation, and of its end: the two shapes that every class file works with."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.effects import UnitVerb
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd

MAX_REASON = 500
"""Longest reason in characters that is passed on; agents print whole command lines into it."""


@dataclass(frozen=True, slots=True)
class Call:
    """How to run an operation: programs in the order to try, what follows the program's name, the whole environment.

    ``unit`` comes after the last program, where there is one: ``verb`` is what systemd is asked to do with it.
    ``secrets`` as in ``Spawn``. ``device``: the fencer does it.
    """

    candidates: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    verb: UnitVerb = UnitVerb.LOOK
    secrets: tuple[tuple[str, str], ...] = ()
    device: bool = False

    @property
    def attempts(self) -> int:
        """How many ways there are to do it."""
        return len(self.candidates) + bool(self.unit or self.device)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a program means. ``rc`` speaks OCF whatever the class; ``note`` is worth a line of log."""

    end: OpEnd
    rc: OcfCode
    reason: str = ""
    note: str = ""


def unusual_end(exited: ChildExited) -> Verdict | None:
    """The verdict on a program that did not exit by itself, whatever its class; ``None`` when it did."""
    match exited.end:
        case ChildEnd.EXITED:
            return None
        case ChildEnd.TIMED_OUT:
            reason = f"did not finish in {exited.elapsed_ms / 1000:.1f} s"
            last = exited.scene.rpartition("\n")[2].partition(" ")[2]
            return Verdict(
                OpEnd.TIMED_OUT, OcfCode.GENERIC, f"{reason}, and was at {printable(last)}" if last else reason
            )
        case ChildEnd.SIGNALED:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"was killed by signal {exited.code}")
        case ChildEnd.NOT_STARTED:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"could not be started: error {exited.code}")


def exit_reason(stderr: bytes, prefix: str) -> str:
    """The text of the last line of ``stderr`` that begins with ``prefix``; empty when there is none."""
    marks = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.startswith(prefix)]
    return printable(marks[-1][len(prefix) :]) if marks else ""


def last_line(*streams: bytes) -> str:
    """The last line that is not blank, of the first stream that has one."""
    for stream in streams:
        lines = stream.decode("utf-8", "replace").split("\n")
        found = next((line for line in reversed(lines) if line.strip()), "")
        if found:
            return printable(found)
    return ""


def printable(text: str) -> str:
    """One line without control characters, at most :data:`MAX_REASON` characters: agents print anything."""
    clean = "".join(char if char.isprintable() else " " for char in text).strip()
    return clean if len(clean) <= MAX_REASON else clean[: MAX_REASON - 1] + "…"
