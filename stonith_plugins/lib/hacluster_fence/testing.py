"""Devices for tests, and those that need a person or the node's own help. None of them proves that a node is down.

``status`` says so: it is unknown, and a fencer that asks for it is told that nothing is certain.
"""

from __future__ import annotations

import os
import re
import stat
import time

from hacluster_fence.agent import Agent, FenceError, Parameter

_HOSTS = Parameter("hostlist", "Nodes that can be fenced, with blanks between", required=True)


def _hosts(agent: Agent) -> dict[str, str]:
    return {name: "" for name in re.split(r"[\s,]+", agent.value("hostlist")) if name}


class Null(Agent):
    """Does nothing and says that it is done."""

    name = "hacluster/null"
    short = "Device for tests: does nothing"
    long = "NOT FOR PRODUCTION. Always says that it has done what was asked."
    parameters = (_HOSTS,)

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        if plug not in _hosts(self):
            raise FenceError(f"{plug} is not in hostlist")
        self.say(f"TEST DEVICE: {plug} is not switched {'on' if on else 'off'}")

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        return None

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        return _hosts(self)


class Ssh(Agent):
    """Has the node reboot itself: works only while it is well."""

    name = "hacluster/ssh"
    short = "Device for tests: the node reboots itself, asked by SSH"
    long = (
        "NOT FOR PRODUCTION. A node that hangs or cannot be reached is not fenced. Needs root's key on the node. It is "
        "called done when the node, which answered before, does not answer any more."
    )
    programs = ("ssh",)
    actions = ("off", "reboot", "status", "list", "monitor")
    parameters = (
        _HOSTS,
        Parameter("username", "User name", "root"),
        Parameter("identity_file", "Private key"),
        Parameter("ipport", "TCP port", "22", type="integer"),
        Parameter("cmd_reboot", "What reboots the node", "echo b > /proc/sysrq-trigger"),
        Parameter("cmd_off", "What switches it off", "echo o > /proc/sysrq-trigger"),
        Parameter("known_hosts", "File of known hosts", "/root/.ssh/known_hosts"),
    )

    def _ssh(self, plug: str, command: str, good: tuple[int, ...] = (0,)) -> str:
        if plug not in _hosts(self):
            raise FenceError(f"{plug} is not in hostlist")
        argv = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=3", f"-oUserKnownHostsFile={self.value('known_hosts')}"]
        argv += ["-oServerAliveInterval=1", "-oServerAliveCountMax=2", "-p", self.value("ipport")]
        argv += ["-i", self.value("identity_file")] if self.value("identity_file") else []
        return self.run([*argv, "-l", self.value("username"), "--", plug, command], good=good)

    def _strike(self, plug: str, name: str) -> None:
        self._ssh(plug, "true")
        self._ssh(plug, f"(sleep 1; {self.value(name)}) >/dev/null 2>&1 </dev/null &", (0, 255))
        until = time.monotonic() + self.number("power_timeout")
        while time.monotonic() < until:
            time.sleep(0.5)
            try:
                self._ssh(plug, "true")
            except FenceError:
                return
        raise FenceError(f"{plug} still answers")

    def switch(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        self._strike(plug, "cmd_off")

    def reboot(self, plug: str) -> None:
        """See :class:`Agent`."""
        self._strike(plug, "cmd_reboot")

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        try:
            self._ssh(plug, "true")
        except FenceError:
            return None
        return True

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        return _hosts(self)


class Meatware(Agent):
    """A person does it, and says so."""

    name = "hacluster/meatware"
    short = "A person switches the node, and confirms it"
    long = (
        "Waits until a person says that the node was switched off: 'meatclient -c NODE' of cluster-glue, or "
        "'stonith_admin --confirm NODE'. Give it a long pcmk_off_timeout and pcmk_reboot_timeout."
    )
    actions = ("off", "reboot", "status", "list", "monitor")
    parameters = (_HOSTS, Parameter("rundir", "Where the confirmation is waited for", "/var/run"))

    def switch(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        if plug not in _hosts(self):
            raise FenceError(f"{plug} is not in hostlist")
        path = os.path.join(self.value("rundir"), f"meatware.{plug}")
        if os.path.exists(path) and not stat.S_ISFIFO(os.stat(path).st_mode):
            raise FenceError(f"{path} is in the way")
        if not os.path.exists(path):
            os.mkfifo(path, 0o600)
        try:
            self.say(f"OPERATOR INTERVENTION REQUIRED to reset {plug}. Then run: meatclient -c {plug}")
            with open(path, encoding="utf-8", errors="replace") as fifo:
                words = fifo.read(64)
        finally:
            os.unlink(path)
        if not words.startswith("meatware reply"):
            raise FenceError(f"somebody wrote {words[:20]!r}, which is no confirmation")

    def reboot(self, plug: str) -> None:
        """See :class:`Agent`."""
        self.switch(plug, on=False)

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        return None

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        return _hosts(self)
