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


class Telling:
    """What every story has: turns that are told, outages that are measured, daemons that must live."""

    def __init__(self, watch: Watch, picture: Picture, tell: Tell, console: IO[bytes]) -> None:
        self.watch = watch
        self.picture = picture
        self.measured: list[Measured] = []
        self.tell = tell
        self._console = console
        self._daemons: dict[Host, Program] = {}

    def turn(self, name: str, text: str) -> None:
        """The next turn begins."""
        self.picture.turn = text
        self.picture.story.append(text)
        self.tell({"event": "turn", "turn": name, "text": text})

    def start(self, host: Host) -> None:
        """Start the daemon of a host."""
        self._daemons[host] = host.spawn([COMMAND, "run"], stderr=self._console)

    def daemons_live(self) -> None:
        """HaError when one of them has ended by itself."""
        for host, program in self._daemons.items():
            if host.is_on and program.poll() is not None:
                raise HaError(f"hacluster on {host.name} ended with status {program.poll()}; its log is above")

    def answered(self, who: str | None, since: float) -> str:
        """Wait for steady answers of ``who``; who it is."""
        until = time.monotonic() + WITHIN_S
        while True:
            self.daemons_live()
            try:
                return self.watch.wait_answer(who, since=since, timeout=1)
            except HaError:
                if time.monotonic() > until:
                    raise

    def note_outage(self, fault: str, since: float, taker: str) -> None:
        """What the client missed since then."""
        longest = max(self.watch.outages(since), key=lambda o: o.seconds, default=None)
        if longest is None:
            measured = Measured(fault, 0.0, 0, "", taker, spoiled=False)
        else:
            measured = Measured(
                fault, longest.seconds, longest.failed, longest.before, longest.after, spoiled=longest.spoiled
            )
        self.measured.append(measured)
        self.picture.story.append(measured.sentence())
        self.tell(
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


class Story(Telling):
    """Heartbeat's classic: runs the turns on an exercise whose hosts are up."""

    def __init__(self, place: Exercise, watch: Watch, picture: Picture, tell: Tell, console: IO[bytes]) -> None:
        super().__init__(watch, picture, tell, console)
        self.place = place

    def prepare(self) -> None:
        """Write the configuration."""
        directory = Directory(ha_cf=TIMING)
        self.place.install(directory)

    def run(self) -> None:
        """All turns."""
        one, two = self.place.nodes
        self.turn("start", f"both nodes start; the protocol gives them ten seconds to find each other ({VIP})")
        for host in self.place.nodes:
            self.start(host)
        self._served_by(one, time.monotonic())
        self.turn("power-off", f"{one.name} loses power")
        self._outage("power-off", two, one.power_off)
        self.turn("return", f"{one.name} comes back; auto_failback is on, so it gets its resources again")
        one.boot()
        self._outage("failback", one, lambda: self.start(one))
        self.turn("standby", f"hb_standby on {one.name}: it hands over in good order")
        self._outage("standby", two, lambda: self._standby(one))
        self.turn("end", "that was it")

    def _standby(self, host: Host) -> None:
        done = host.run([STANDBY, "--wait"], timeout=WITHIN_S)
        if done.returncode != 0:
            raise HaError(f"hb_standby was not accepted: {(done.stdout + done.stderr).strip()}")
        self.tell({"event": "hb_standby", "text": done.stdout.strip().replace("\n", "; ")})

    def _served_by(self, host: Host, since: float) -> None:
        """Wait for steady answers of ``host``, and until both daemons say that nothing more will happen."""
        self.answered(host.name, since)
        up = [h.name for h in self.place.nodes if h.is_on]
        nodes = self.picture.nodes
        settled = {"none", "local", "foreign", "all"}
        wait_for("both nodes settle", lambda: all(n in nodes and nodes[n].holds in settled for n in up), WITHIN_S)
        self.tell({"event": "served", "by": host.name})

    def _outage(self, fault: str, taker: Host, act: Callable[[], None]) -> None:
        since = time.monotonic()
        act()
        self._served_by(taker, since)
        self.note_outage(fault, since, taker.name)


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
