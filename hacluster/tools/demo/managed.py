"""The demo of a cluster resource manager: three nodes, an address with a web server, a clone, a promotable resource.

Each turn breaks something, measures what the client missed, and lets the DC say why it did what it did: its line of
log, and what ``hacluster explain`` makes of the input that the line names.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from hacluster.base.errors import HaError
from hacluster.base.results import Fault
from hacluster.client.live import Daemon, LiveCluster
from hacluster.lab.cluster import VIP, Cluster
from hacluster.lab.hosts import Host
from hacluster.lab.watch import Watch
from hacluster.msg.crmd import ManagerQuery, ManagerStatus
from hacluster.msg.views import ViewQuery, ViewStatus
from hacluster.tools.demo.picture import NodePicture, Picture, wait_for
from hacluster.tools.demo.story import WITHIN_S, Tell, Telling

URL: Final = f"http://{VIP}/"
TIMING: Final = "keepalive 200ms\nwarntime 700ms\ndeadtime 2\ninitdead 10\n"
CONFIGURATION: Final = f"""\
property stonith-enabled=false
rsc_defaults resource-stickiness=100
primitive vip ocf:hacluster:IPaddr params ip={VIP} cidr_netmask=16 nic=eth0 op monitor interval=1s
primitive web ocf:hacluster:webserver params directory=/var/www/html op monitor interval=1s
group site vip web meta migration-threshold=3
primitive agent ocf:hacluster:Dummy op monitor interval=10s
clone agents agent
primitive store ocf:hacluster:Stateful op monitor interval=10s role=Promoted op monitor interval=11s role=Unpromoted
clone stores store meta promotable=true
colocation site-with-store inf: site stores:Promoted
"""
"""What is told to ``crm configure``; fencing is off, since pretended hosts have no power switch that others reach."""


_DECISION: Final = re.compile(r"transition \d+: (.*) why=(.*) input=(\S+)$")
_STEP: Final = re.compile(r"(?:vip|web)_(?:start|stop)_0 on \w+")


@dataclass(frozen=True, slots=True)
class Decision:
    """A DC's line of log."""

    host: Host
    actions: str
    why: str
    input: str

    @property
    def steps(self) -> str:
        """What is done to the address and the web server."""
        found = sorted(_STEP.findall(self.actions), key=lambda step: ("_start" in step, step))
        return ", ".join(found)


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def look(host: Host) -> NodePicture:
    """One node's picture now, as its own daemon describes it."""
    found = NodePicture(host.name, "off" if not host.is_on else "stopped")
    # A host may lose its power, and its daemon may end, between any two of these calls.
    with contextlib.suppress(HaError, OSError, Fault):
        daemon = Daemon("demo", directory=str(host.path("/run/hacluster")), timeout_s=2)
        try:
            status = daemon.ask(ViewQuery(), ViewStatus)
            view = status.view
            if view is None or not status.synced:
                state = "joining"
            elif not view.quorate:
                state = "without quorum"
            else:
                state = "member, DC" if view.leader == host.name else "member"
            peers = tuple((name, "member") for name in sorted(view.names - {host.name})) if view is not None else ()
            runs = _running(LiveCluster(daemon=daemon).read(), host.name)
        finally:
            daemon.close()
        return NodePicture(host.name, state, ", ".join(runs), peers, seal="sealed")
    return found


def _standing(host: Host) -> ManagerStatus | None:
    """How a node's manager stands; ``None`` when it does not answer."""
    with contextlib.suppress(HaError, OSError, Fault):
        daemon = Daemon("demo", directory=str(host.path("/run/hacluster")), timeout_s=2)
        try:
            return daemon.ask(ManagerQuery(), ManagerStatus)
        finally:
            daemon.close()
    return None


def _running(root: object, node: str) -> list[str]:
    """What the status says runs on a node."""
    from hacluster.pe.model.kinds import Kind, Role  # noqa: PLC0415 - the engine is for this alone
    from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415

    return [
        rsc.xml_id + (" promoted" if rsc.role is Role.PROMOTED else "")
        for top in cluster_of(root).resources
        for rsc in top.walk()
        if rsc.kind is Kind.PRIMITIVE and any(place.name == node for place in rsc.active_on)
    ]


class ManagedStory(Telling):
    """Runs the turns on a cluster of three whose hosts are up."""

    def __init__(self, place: Cluster, watch: Watch, picture: Picture, tell: Tell, console: IO[bytes]) -> None:
        super().__init__(watch, picture, tell, console)
        self.place = place
        self._marks: dict[str, int] = {}

    def prepare(self) -> None:
        """Write the files of the cluster, and a page of its own on each node."""
        self.place.install(TIMING)
        for host in self.place.nodes:
            host.write("/var/www/html/index.html", f"{host.name}\n")

    def run(self) -> None:
        """All turns."""
        self.turn("start", "three nodes start, agree on a view and elect a DC; the configuration is one text for crm")
        for host in self.place.nodes:
            self.start(host)
        wait_for("all three are members", lambda: self._members() == 3, WITHIN_S)
        self._crm(self.place.nodes[0], "configure", "load", "update", "-", text=CONFIGURATION)
        active = self._settled(None, time.monotonic())

        self.turn("service", f"the web server on {active.name} is killed; its monitor finds out within a second")
        active = self._outage("service killed", lambda: self._kill_server(active), None)

        self.turn("power-off", f"{active.name} loses power")
        lost = active
        active = self._outage("power-off", lost.power_off, lost)

        self.turn("return", f"{lost.name} comes back; resource-stickiness keeps everything where it is")
        lost.boot()
        active = self._outage("return", lambda: self._begin(lost), None)

        self.turn("cut", f"{active.name} is cut off from the others: alone it has no quorum, and stops what it runs")
        lost = active
        active = self._outage("cut off", lost.cut, lost)
        # Without fencing: were it back before it has stopped, both would run it, and the cluster would stop both.
        wait_for(f"{lost.name} has stopped it", lambda: not self._has_address(lost), WITHIN_S)
        lost.heal()
        wait_for("all three are members again", lambda: self._members() == 3, WITHIN_S)
        active = self._settled(None, time.monotonic())

        self.turn("standby", f"{active.name} goes on standby: crm node standby {active.name}")
        lost = active
        active = self._outage("standby", lambda: self._crm(lost, "node", "standby", lost.name), lost)
        self._crm(lost, "node", "online", lost.name)
        wait_for(f"{lost.name} runs its instances again", lambda: self._runs(lost, "store", "agent"), WITHIN_S)
        wait_for("the DC has done what it decided", self._is_idle, WITHIN_S)

        self.turn("move", f"a move by hand: crm resource move site {lost.name}; what is promoted goes along")
        act = lambda: self._crm(active, "resource", "move", "site", lost.name)  # noqa: E731 - one line of the story
        self._outage("move", act, active)
        self.turn("end", "that was it")

    # ---- what happens

    def _begin(self, host: Host) -> None:
        self.start(host)
        wait_for(f"{host.name} is a member again", lambda: self._members() == 3, WITHIN_S)

    def _runs(self, host: Host, *resources: str) -> bool:
        node = self.picture.nodes.get(host.name)
        return node is not None and all(name in node.holds.split(", ") for name in resources)

    @staticmethod
    def _has_address(host: Host) -> bool:
        return f" {VIP}/" in host.run(["ip", "-4", "-o", "address"]).stdout

    def _members(self) -> int:
        return sum(node.state.startswith("member") for node in self.picture.nodes.values())

    def _crm(self, host: Host, *words: str, text: str | None = None) -> None:
        done = host.run([_tool("crm"), *words], text=text, timeout=WITHIN_S)
        if done.returncode != 0:
            raise HaError(f"crm {' '.join(words)}: {(done.stdout + done.stderr).strip()}")

    def _kill_server(self, host: Host) -> None:
        done = host.run(["sh", "-c", "kill -9 $(cat /run/resource-agents/hacluster-webserver-web.pid)"])
        if done.returncode != 0:
            raise HaError(f"the web server on {host.name} cannot be killed: {done.stderr.strip()}")

    def _settled(self, but: Host | None, since: float) -> Host:
        """Wait for steady answers of a node other than ``but``: which one it is."""
        until = time.monotonic() + WITHIN_S
        while True:
            who = self.answered(None, since)
            if but is None or who != but.name:
                break
            if time.monotonic() > until:
                raise HaError(f"{who} still serves")
            since = time.monotonic()
        wait_for("the DC has done what it decided", self._is_idle, WITHIN_S)
        self.tell({"event": "served", "by": who})
        return self.place.node(who)

    def _is_idle(self) -> bool:
        """Whether the DC of those with quorum says that nothing is left to do."""
        told = [_standing(host) for host in self.place.nodes]
        states = [standing.state for standing in told if standing is not None and standing.quorate]
        return sum(state == "S_IDLE" for state in states) == 1 and set(states) <= {"S_IDLE", "S_NOT_DC"}

    def _outage(self, fault: str, act: Callable[[], None], but: Host | None) -> Host:
        self._mark()
        since = time.monotonic()
        act()
        if fault == "service killed":
            self._wait_for_decision()
        active = self._settled(but, since if but is not None or fault == "return" else time.monotonic())
        self.note_outage(fault, since, active.name)
        self._why()
        return active

    # ---- why

    def _mark(self) -> None:
        for host in self.place.nodes:
            self._marks[host.name] = len(self.place.log(host)) if host.is_on else 0

    def _decisions(self) -> list[Decision]:
        """What a DC has decided about the site since the mark."""
        lines = (
            (host, line)
            for host in self.place.nodes
            if host.is_on
            for line in self.place.log(host)[self._marks.get(host.name, 0) :].splitlines()
        )
        found = [(host, _DECISION.search(line)) for host, line in lines]
        read = [Decision(host, *match.groups()) for host, match in found if match is not None]
        return [decision for decision in read if decision.steps]

    def _wait_for_decision(self) -> None:
        wait_for("the DC decides", lambda: bool(self._decisions()), WITHIN_S)

    def _why(self) -> None:
        """The first decision that does something about the site, and what explain says of its input."""
        for decision in self._decisions()[:1]:
            host = decision.host
            texts = [f"the DC, {host.name}: {decision.steps}; because: {decision.why}"]
            done = host.run([_tool("hacluster"), "explain", "vip", "--input", decision.input], timeout=30)
            if done.returncode == 0:
                lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
                texts += [f"hacluster explain vip --input {decision.input}: {' '.join(lines[:2])}"]
            for text in texts:
                self.picture.story.append(text)
                self.tell({"event": "why", "text": text})


def try_these(place: Cluster) -> list[str]:
    """For --keep: what to try, as lines of text."""
    enter = {host.name: subprocess.list2cmdline(host.enter_argv()) for host in (*place.nodes, place.client)}
    tools = str(Path(sys.executable).parent)
    return [
        *(f"a shell on {host.name}: {enter[host.name]} env PATH={tools}:$PATH bash" for host in place.nodes),
        f"ask as the client: {enter[place.client.name]} curl -s {URL}",
        "in a node's shell: hacluster status; crm_mon; crm configure show; crm resource move site n1; crm node standby",
        "                   hacluster explain vip; tail -f /var/log/ha-log",
    ]
