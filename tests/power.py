"""A power switch of the laboratory: a fence agent inside the hosts, and a hand outside that pulls the plug."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from hacluster.lab.hosts import Host

NAME = "fence_lab"
WISH, DONE = "/run/fence_lab.wish", "/run/fence_lab.done"

_AGENT = f"""#!/bin/sh
# plug: the host's name. What "status" says is what the outside wrote last.
while IFS== read -r name value; do eval "$name=\\$value"; done
case "$action" in
metadata) echo '<resource-agent name="{NAME}"><parameters><parameter name="plug"/></parameters><actions>'
    for one in on off reboot status list monitor metadata; do echo "<action name='$one'/>"; done
    echo '</actions></resource-agent>';;
monitor) exit 0;;
list) for one in $hosts; do echo "$one,$one"; done;;
status) [ -e {DONE}.$plug ] && exit 2; exit 0;;
on) exit 0;;
off|reboot) echo "$plug" > {WISH}.new; mv {WISH}.new {WISH}
    while [ ! -e {DONE}.$plug ]; do sleep 0.02; done;;
*) exit 1;;
esac
"""


class Power:
    """As a context: the agent is in each host, and what it asks for is done. ``struck``: (when, by, whom)."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.struck: list[tuple[float, str, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Power:
        for host in self.hosts.values():
            host.write(f"/usr/sbin/{NAME}", _AGENT, 0o755)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _look(self) -> None:
        while not self._over.wait(0.01):
            for name, host in self.hosts.items():
                if not host.is_on:
                    continue
                try:
                    wish = host.path(WISH)
                    target = wish.read_text().strip()
                    wish.unlink()
                except OSError:
                    continue
                victim = self.hosts.get(target)
                if victim is not None:
                    victim.power_off()
                    self.struck.append((time.monotonic(), name, target))
                    host.path(f"{DONE}.{target}").write_text("off\n")
