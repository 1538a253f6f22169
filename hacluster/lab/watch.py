"""A probe at work inside a host, seen from outside: who answers now, and what was missed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from hacluster.base.errors import HaError
from hacluster.lab.hosts import Host
from hacluster.lab.probe import Outage, Sample, Stall, from_json, outages

PROBE = Path(__file__).with_name("probe.py")


class Watch:
    """Runs :mod:`hacluster.lab.probe` in ``host`` against ``url``; a context manager.

    ``on_item``, if given, is called in the reader's thread for every sample and stall as it comes.
    """

    def __init__(
        self,
        host: Host,
        url: str,
        interval_ms: float = 20,
        timeout_ms: float = 1000,
        on_item: Callable[[Sample | Stall], None] | None = None,
    ) -> None:
        self.interval_ms = interval_ms
        self.samples: list[Sample] = []
        self.stalls: list[Stall] = []
        self._on_item = on_item
        self._changed = threading.Condition()
        argv = [sys.executable, "-I", "-S", str(PROBE), url, "--json", "lines"]
        argv += ["--interval-ms", str(interval_ms), "--timeout-ms", str(timeout_ms)]
        self._program = host.spawn(argv, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, name="probe reader", daemon=True)
        self._reader.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._program.stdout is not None
        buffer = b""
        while chunk := self._program.stdout.read(65536):
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                item = from_json(line.decode())
                with self._changed:
                    if isinstance(item, Stall):
                        self.stalls.append(item)
                    else:
                        self.samples.append(item)
                    self._changed.notify_all()
                if self._on_item is not None:
                    self._on_item(item)

    def stop(self) -> list[Outage]:
        """End the probe and give the outages of the whole time."""
        self._program.terminate()
        self._reader.join()
        self._program.wait()
        self._program.close()
        return self.outages()

    def outages(self, since: float = 0.0) -> list[Outage]:
        """The outages that ended after ``since`` (CLOCK_MONOTONIC seconds), or have not ended."""
        with self._changed:
            found = outages(self.samples, self.stalls, max(0.1, 5 * self.interval_ms / 1000))
        return [o for o in found if o.until is None or o.until > since]

    def missed(self, since: float = 0.0) -> list[Outage]:
        """Those of the outages in which a request failed or the answerer changed: no busy machine makes these."""
        return [outage for outage in self.outages(since) if outage.missed]

    def wait_answer(self, who: str | None = None, since: float = 0.0, count: int = 3, timeout: float = 30) -> str:
        """Wait until the last ``count`` requests, begun after ``since``, were answered (by ``who``); gives who did.

        ``who`` is compared with the start of the page's first line. HaError after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                last = sorted(self.samples, key=lambda s: s.start)[-count:]
                if len(last) == count and all(s.ok and s.start > since for s in last):
                    names = {s.who for s in last}
                    if len(names) == 1 and (who is None or last[-1].who.startswith(who)):
                        return last[-1].who
                if not self._changed.wait(deadline - time.monotonic()):
                    raise HaError(f"no steady answer from {who or 'anybody'}; the last requests: {last}")
