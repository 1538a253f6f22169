"""When ``crm_mon`` has to look again, and what it tells a program of its user.

A file is looked at each interval (one ``stat``); the running cluster says itself when something has changed, so nothing
is done while nothing happens.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from typing import Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.client.cibsource import CibFile
from hacluster.client.live import LiveCluster
from hacluster.msg.replica import AwaitChange, Changed

_LONG_S: Final = 3_600.0
_REST_S: Final = 0.1
"""Changes that come together are looked at together."""


class Watch:
    """Tells when there is something new to see of one source."""

    def __init__(self, source: Any, seconds: int) -> None:
        self._source, self._seconds = source, seconds
        self._serial = 0
        self._pipe: tuple[int, int] | None = None
        if not isinstance(source, CibFile):
            self._pipe = os.pipe()
            threading.Thread(target=self._listen, daemon=True).start()

    def stamp(self) -> Any:
        """Differs when the document does; ``None`` when it cannot be had."""
        if self._pipe is not None:
            return self._serial
        try:
            found = self._source.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def pause(self, *inputs: int) -> list[int]:
        """Wait until there may be something new, or something to read from ``inputs``; which of these."""
        if self._pipe is None:
            ready, _, _ = select.select(inputs, [], [], self._seconds)
            return list(ready)
        ready, _, _ = select.select([*inputs, self._pipe[0]], [], [], None)
        if self._pipe[0] in ready:
            os.read(self._pipe[0], 64)
            time.sleep(_REST_S)
        return [entry for entry in ready if entry != self._pipe[0]]

    def _listen(self) -> None:
        assert self._pipe is not None, "files say nothing"
        mark = "?"
        while True:
            source = LiveCluster()
            try:
                while True:
                    answer = source.daemon.answer(AwaitChange(mark), timeout_s=_LONG_S)
                    if isinstance(answer, Changed):
                        mark = answer.mark
                        self._tell()
            except Fault as fault:
                source.daemon.close()
                if fault.status is not Exit.TIMEOUT:
                    if mark != "?":
                        mark = "?"
                        self._tell()
                    time.sleep(self._seconds)

    def _tell(self) -> None:
        assert self._pipe is not None, "files say nothing"
        self._serial += 1
        os.write(self._pipe[1], b".")


class Agent:
    """The program of ``--external-agent``: called for each result, with ``CRM_notify_*`` (crm_mon(8))."""

    def __init__(self, path: str, recipient: str) -> None:
        self._path, self._recipient = path, recipient
        self._seen: dict[tuple[str, str, str], str] | None = None

    def look(self, root: Any) -> None:
        """Call it for what is new; the first look only learns what there is."""
        found = {
            (state.get("uname", ""), history.get("id", ""), op.get("id", "")): op
            for state in root.iterfind("status/node_state")
            for history in state.iterfind("lrm/lrm_resources/lrm_resource")
            for op in history.iterfind("lrm_rsc_op")
            if op.get("op-status") != "-1"
        }
        before = self._seen
        self._seen = {key: _version(op) for key, op in found.items()}
        if before is None:
            return
        for (node, rsc, ident), op in found.items():
            if before.get((node, rsc, ident)) != _version(op) and not ident.endswith("_last_failure_0"):
                self._call(node, rsc, op)

    def _call(self, node: str, rsc: str, op: Any) -> None:
        key = op.get("transition-key", "").split(":")
        words = {
            "recipient": self._recipient,
            "node": node,
            "rsc": rsc,
            "task": op.get("operation", ""),
            "desc": op.get("exit-reason") or _word(op.get("op-status", "")),
            "rc": op.get("rc-code", ""),
            "target_rc": key[2] if len(key) > 3 else "",
            "status": op.get("op-status", ""),
        }
        env = os.environ | {f"CRM_notify_{name}": value for name, value in words.items()}
        try:
            subprocess.Popen([self._path], env=env, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise Fault(f"{self._path}: {error.strerror}", Exit.ERROR) from None


def _version(op: Any) -> str:
    return f"{op.get('call-id')} {op.get('transition-magic')} {op.get('last-rc-change')}"


def _word(status: str) -> str:
    return {"0": "ok", "1": "cancelled", "2": "Timed Out", "4": "Error"}.get(status, "error")
