"""The demo's turns, one after the other: start, power-off, return, standby. Says what happens as events."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hacluster.base.errors import HaError
from hacluster.lab.exercise import URL, VIP, Directory, Exercise
from hacluster.lab.hosts import Host
from hacluster.lab.programs import Program
from hacluster.lab.watch import Watch
from hacluster.tools.demo.picture import Picture, wait_for

COMMAND = str(Path(sys.executable).with_name("hacluster"))
STANDBY = str(Path(sys.executable).with_name("hb_standby"))
TIMING = "keepalive 200ms\nwarntime 700ms\ndeadtime 2\ninitdead 10\nauto_failback on\nlogfile /var/log/ha-log\n"
WITHIN_S = 90.0

Tell = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One outage as the client saw it."""

    fault: str
    seconds: float
    requests_lost: int
    before: str
    after: str
    spoiled: bool

    def sentence(self) -> str:
        """For people."""
        doubt = "; this machine stood still meanwhile, so take it with a grain of salt" if self.spoiled else ""
        return (
            f"{self.fault}: no answer for {self.seconds:.2f} s ({self.requests_lost} requests lost),"
            f" then {self.after} served{doubt}"
        )


class Story:
    """Runs the turns on an exercise whose hosts are up."""

    def __init__(self, place: Exercise, watch: Watch, picture: Picture, tell: Tell, console: IO[bytes]) -> None:
        self.place = place
        self.watch = watch
        self.picture = picture
        self.measured: list[Measured] = []
        self._tell = tell
        self._console = console
        self._daemons: dict[str, Program] = {}

    def prepare(self) -> None:
        """Write the configuration."""
        directory = Directory(ha_cf=TIMING)
        self.place.install(directory)

    def run(self) -> None:
        """All turns."""
        one, two = self.place.nodes
        self._turn("start", f"both nodes start; the protocol gives them ten seconds to find each other ({VIP})")
        for host in self.place.nodes:
            self._start(host)
        self._served_by(one, time.monotonic())
        self._turn("power-off", f"{one.name} loses power")
        self._outage("power-off", two, one.power_off)
        self._turn("return", f"{one.name} comes back; auto_failback is on, so it gets its resources again")
        one.boot()
        self._outage("failback", one, lambda: self._start(one))
        self._turn("standby", f"hb_standby on {one.name}: it hands over in good order")
        self._outage("standby", two, lambda: self._standby(one))
        self._turn("end", "that was it")

    def _turn(self, name: str, text: str) -> None:
        self.picture.turn = text
        self.picture.story.append(text)
        self._tell({"event": "turn", "turn": name, "text": text})

    def _start(self, host: Host) -> None:
        self._daemons[host.name] = host.spawn([COMMAND, "run"], stderr=self._console)

    def _standby(self, host: Host) -> None:
        done = host.run([STANDBY, "--wait"], timeout=WITHIN_S)
        if done.returncode != 0:
            raise HaError(f"hb_standby was not accepted: {(done.stdout + done.stderr).strip()}")
        self._tell({"event": "hb_standby", "text": done.stdout.strip().replace("\n", "; ")})

    def _served_by(self, host: Host, since: float) -> None:
        """Wait for steady answers of ``host``, and until both daemons say that nothing more will happen."""
        until = time.monotonic() + WITHIN_S
        while True:
            self._daemons_live()
            try:
                self.watch.wait_answer(host.name, since=since, timeout=1)
                break
            except HaError:
                if time.monotonic() > until:
                    raise
        up = [h.name for h in self.place.nodes if h.is_on]
        nodes = self.picture.nodes
        settled = {"none", "local", "foreign", "all"}
        wait_for("both nodes settle", lambda: all(n in nodes and nodes[n].holds in settled for n in up), WITHIN_S)
        self._tell({"event": "served", "by": host.name})

    def _daemons_live(self) -> None:
        for host in self.place.nodes:
            program = self._daemons.get(host.name)
            if host.is_on and program is not None and program.poll() is not None:
                raise HaError(f"hacluster on {host.name} ended with status {program.poll()}; its log is above")

    def _outage(self, fault: str, taker: Host, act: Callable[[], None]) -> None:
        since = time.monotonic()
        act()
        self._served_by(taker, since)
        outages = self.watch.outages(since)
        longest = max(outages, key=lambda o: o.seconds, default=None)
        if longest is None:
            measured = Measured(fault, 0.0, 0, "", taker.name, spoiled=False)
        else:
            measured = Measured(
                fault, longest.seconds, longest.failed, longest.before, longest.after, spoiled=longest.spoiled
            )
        self.measured.append(measured)
        self.picture.story.append(measured.sentence())
        self._tell(
            {
                "event": "outage",
                "fault": fault,
                "seconds": round(measured.seconds, 3),
                "requests_lost": measured.requests_lost,
                "before": measured.before,
                "after": measured.after,
                "spoiled": measured.spoiled,
            }
        )


def try_these(place: Exercise) -> list[str]:
    """For --keep: what to try, as lines of text."""
    one, two = place.nodes
    enter = {host.name: subprocess.list2cmdline(host.enter_argv()) for host in (*place.nodes, place.client)}
    tools = str(Path(sys.executable).parent)
    return [
        f"a shell on {one.name}:       {enter[one.name]} env PATH={tools}:$PATH bash",
        f"a shell on {two.name}:       {enter[two.name]} env PATH={tools}:$PATH bash",
        f"ask as the client:           {enter[place.client.name]} curl -s {URL}",
        "in a node's shell:  cl_status rscstatus; cl_status hbstatus -v; hb_standby --wait; hb_takeover --wait",
        "                    hacluster status; hacluster stop; hacluster run &; tail -f /var/log/ha-log",
    ]
