"""A power switch of the laboratory: a fence agent inside the hosts, and a hand outside that pulls the plug.

The agent writes what it is asked for into a file, and the hand answers with an exit status. So ``status`` is the truth
about the host, not what somebody has noted, and a test can have a switch fail or lie.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from hacluster.lab.hosts import Host

NAME, STORAGE = "fence_lab", "fence_store"
WATCHDOG = "/etc/watchdog"
_WISHES, CALLS = "/run/fence_lab", "/var/log/fence_lab"
_OFF = 2

_AGENT = f"""#!/bin/sh
# plug: the host's name. switch: which device it is. What was given as arguments and environment is written down.
args="$*"; env=$(env | tr '\\n' ' ')
while IFS== read -r name value; do eval "$name=\\$value"; done
case "$action" in
metadata) echo '<resource-agent name="{NAME}"><parameters><parameter name="plug"/></parameters><actions>'
    for one in on off reboot status list monitor metadata; do echo "<action name='$one'/>"; done
    echo '</actions></resource-agent>'; exit 0;;
list) for one in $hosts; do echo "$one,$one"; done; exit 0;;
esac
echo "$(date +%s.%N) $action $plug switch=$switch args=$args env=$env" >> {CALLS}
[ "$wanted" = "$passwd" ] || {{ echo "wrong password: $passwd" >&2; exit 1; }}
mkdir -p {_WISHES}; me={_WISHES}/$$
echo "$action|$plug|$switch" > $me.new; mv $me.new $me.wish
while [ ! -e $me.said ]; do sleep 0.02; done
read -r code < $me.said; rm -f $me.said
[ "$code" = 1 ] && echo "the switch $switch is broken, and $passwd is no help" >&2
exit "$code"
"""

_STORE = f"""#!/bin/sh
# Storage that a node must be let in to, by itself; {_WISHES}.store says whether it is.
while IFS== read -r name value; do eval "$name=\\$value"; done
case "$action" in
metadata) echo '<resource-agent name="{STORAGE}"><parameters><parameter name="plug"/></parameters><actions>
    <action name="on" on_target="1" automatic="1"/>'
    for one in off status list monitor metadata; do echo "<action name='$one'/>"; done
    echo '</actions></resource-agent>';;
monitor|list) ;;
on) date +%s.%N > {_WISHES}.store;;
status) [ -e {_WISHES}.store ] || exit {_OFF};;
*) exit 1;;
esac
"""


@dataclass(frozen=True)
class Strike:
    """``target`` lost its power at ``at`` (CLOCK_MONOTONIC), by ``switch``, asked from ``by``."""

    at: float
    by: str
    target: str
    switch: str


class Power:
    """As a context: the agent is in each host, and what it asks for is done.

    ``broken`` switches fail, ``lying`` ones say that they have done it; in both cases nothing happens.
    """

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.struck: list[Strike] = []
        self.broken: set[str] = set()
        self.lying: set[str] = set()
        self._over = threading.Event()
        self._plugs = threading.Lock()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Power:
        for host in self.hosts.values():
            host.write(f"/usr/sbin/{NAME}", _AGENT, 0o755)
            host.write(f"/usr/sbin/{STORAGE}", _STORE, 0o755)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def pull(self, host: Host) -> None:
        """Take a host's power by hand, while nothing else looks at it."""
        with self._plugs:
            host.power_off()

    def calls(self, host: Host) -> str:
        """What the agent was called with on a host, a line for each time."""
        file = host.path(CALLS)
        return file.read_text(errors="replace") if file.exists() else ""

    def _look(self) -> None:
        while not self._over.wait(0.01):
            for host in self.hosts.values():
                # A host may vanish while it is looked at.
                with self._plugs, contextlib.suppress(Exception):
                    for wish in sorted(host.path(_WISHES).glob("*.wish")) if host.is_on else ():
                        words = wish.read_text().strip().split("|")
                        wish.unlink()
                        code = self._do(host.name, *words)
                        wish.with_suffix(".answer").write_text(f"{code}\n")
                        wish.with_suffix(".answer").rename(wish.with_suffix(".said"))

    def _do(self, by: str, action: str, plug: str, switch: str) -> int:
        if switch in self.broken:
            return 1
        victim = self.hosts.get(plug)
        if action == "monitor":
            return 0
        if victim is None:
            return 1
        if action == "status":
            return 0 if victim.is_on and switch not in self.lying else _OFF
        if action in ("off", "reboot") and switch not in self.lying:
            victim.power_off()
            self.struck.append(Strike(time.monotonic(), by, plug, switch))
        return 0


class Watchdog:
    """As a context: a pretended watchdog of one host, a FIFO that the daemon writes to as it writes to a device.

    Once fed it switches the host off ``seconds`` after the last byte, unless that was the magic V. ``fired``: when.
    """

    def __init__(self, host: Host, seconds: float) -> None:
        self.host, self.seconds = host, seconds
        self.fed, self.disarmed = 0, False
        self.fired: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watchdog:
        path = self.host.path(WATCHDOG)
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        os.close(self._fd)

    def _look(self) -> None:
        last = None
        while not self._over.wait(0.01):
            try:
                data = os.read(self._fd, 4096)
            except BlockingIOError:
                if last is not None and time.monotonic() - last > self.seconds:
                    self.host.power_off()
                    self.fired = time.monotonic()
                    return
                continue
            self.fed += len(data)
            self.disarmed = data.endswith(b"V")
            last = None if self.disarmed else time.monotonic()
