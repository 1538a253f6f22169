"""Fencing of what a node can reach: SCSI-3 persistent reservations; and the node's own watchdog."""

from __future__ import annotations

import hashlib
import re
import socket
import time

from hacluster_fence.agent import Agent, FenceError, Parameter


class Scsi(Agent):
    """Takes a node's access to shared disks away by SCSI-3 persistent reservations."""

    name = "hacluster/scsi"
    short = "Storage fencing by SCSI-3 persistent reservations"
    long = (
        "A node registers its key with each disk when it joins (unfencing); only registered nodes may write. Fencing "
        "takes the key of a node away, and aborts what it has under way. The node itself goes on: it must be rebooted "
        "to come back."
    )
    programs = ("sg_persist",)
    actions = ("on", "off", "status", "monitor")
    automatic = on_target = True
    parameters = (
        Parameter("devices", "The shared disks, with blanks or commas between", required=True),
        Parameter("own_name", "The cluster's name of the node that fences, when it is not that of the host"),
    )

    def disks(self) -> list[str]:
        """The paths of the disks."""
        return [path for path in re.split(r"[\s,]+", self.value("devices")) if path]

    @staticmethod
    def key(name: str) -> str:
        """The key of a node: made of its name, not zero, as sg_persist shows it."""
        return f"{int(hashlib.sha256(name.encode()).hexdigest()[:15] + '1', 16):x}"

    def check(self) -> None:
        """See :class:`Agent`."""
        if not self.disks():
            raise FenceError("devices names no disk")

    def _keys(self, disk: str) -> list[str]:
        text = self.run(["sg_persist", "-n", "-i", "-k", "-d", disk])
        return [f"{int(word, 16):x}" for word in re.findall(r"^\s*0x([0-9a-fA-F]+)\s*$", text, re.MULTILINE)]

    def set_power(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        for disk in self.disks():
            self._register(disk, self.key(plug)) if on else self._preempt(disk, self.key(plug))

    def _register(self, disk: str, key: str) -> None:
        self.run(["sg_persist", "-n", "-o", "-I", "-S", key, "-d", disk])
        if "Reservation follows" not in self.run(["sg_persist", "-n", "-i", "-r", "-d", disk]):
            self.run(["sg_persist", "-n", "-o", "-R", "-T", "5", "-K", key, "-d", disk], good=(0, 24))

    def _preempt(self, disk: str, key: str) -> None:
        found = self._keys(disk)
        if key not in found:
            return
        mine = self.key(self.value("own_name") or socket.gethostname())
        if mine not in found:
            raise FenceError(f"no key of this node is registered with {disk}")
        self.run(["sg_persist", "-n", "-o", "-A", "-T", "5", "-K", mine, "-S", key, "-d", disk])

    def power(self, plug: str) -> bool | None:
        """Whether the node may write to any of the disks."""
        return any(self.key(plug) in self._keys(disk) for disk in self.disks())

    def monitor(self) -> None:
        """See :class:`Agent`."""
        for disk in self.disks():
            self._keys(disk)


class Watchdog(Agent):
    """The node's own watchdog resets it."""

    name = "hacluster/watchdog"
    short = "The target's own watchdog resets it"
    long = (
        "Only where each node feeds a hardware watchdog as long as it has quorum, and only from a side with quorum: "
        "waits until the watchdog must have fired. Nothing is asked of anybody, and nothing proves it."
    )
    actions = ("off", "reboot", "status", "list", "monitor")
    parameters = (
        Parameter("hostlist", "Nodes that have a watchdog, with blanks between", required=True),
        Parameter("timeout", "Seconds after which a watchdog has fired for certain", required=True, type="second"),
    )

    def switch(self, plug: str, *, on: bool) -> None:
        """See :class:`Agent`."""
        if plug not in self.plugs():
            raise FenceError(f"{plug} is not in hostlist")
        if self.number("timeout") <= 0:
            raise FenceError("timeout must be above 0")
        time.sleep(self.number("timeout"))

    def reboot(self, plug: str) -> None:
        """See :class:`Agent`."""
        self.switch(plug, on=False)

    def power(self, plug: str) -> bool | None:
        """See :class:`Agent`."""
        return None

    def plugs(self) -> dict[str, str]:
        """See :class:`Agent`."""
        return {name: "" for name in re.split(r"[\s,]+", self.value("hostlist")) if name}
