"""Putting an IP address on an interface and taking it off, and nothing else with it.

An address of a subnet that others were added to is the first of them, and without ``promote_secondaries`` (ip-sysctl of
Linux) the kernel drops the others with it; when no address is left for a moment, it drops the interface's routes too,
the default route among them. So promotion is switched on for that moment. Where that is not possible, the addresses
that the kernel dropped and the routes are put back.

Several agents may run at once, and what one has just removed must not be put back by another, nor one be dropped that
was added meanwhile: whoever changes addresses holds a lock until it ends.
"""

from __future__ import annotations

import os
import time
from _socket import AF_INET

from hacluster_ra import ocf
from hacluster_ra.netlink import F_SECONDARY, Address, Netlink, covers, route_index, route_scope, route_source

RTPROT_KERNEL = 2
PROTOCOL_AT = 5
LOCK_WAIT_S = 5.0
NO_LOCK = -1
_held: list[int] = []


def lock(*, make: bool = True) -> None:
    """Be the only agent that changes addresses, as long as this process lives. Without a directory for it: go on.

    Without ``make``, for one that only looks: wait for who is at it; a lock that nobody has made needs no waiting.
    """
    import fcntl

    if _held:
        return
    try:
        directory = ocf.state_directory() if make else ocf.records()
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
        file = os.open(os.path.join(directory, "hacluster-IPaddr.lock"), flags, 0o600)
    except OSError as error:
        if make:
            ocf.say(f"no lock: {error}")
            _held.append(NO_LOCK)
        return
    _held.append(file)
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() >= end:
                ocf.say(f"the lock of IPaddr: {error.strerror}; going on without it")
                return
        time.sleep(0.01)


def unlock() -> None:
    """Let others go on."""
    while _held:
        file = _held.pop()
        if file != NO_LOCK:
            os.close(file)


def remove(netlink: Netlink, address: Address) -> None:
    """Remove exactly this address; one that is gone meanwhile is removed."""
    lock()
    if address.family != AF_INET:
        _delete(netlink, address)
        return
    addresses, routes = netlink.addresses(AF_INET), netlink.routes(AF_INET)
    # Which address is the first of its subnet may have changed since the caller looked.
    address = next((a for a in addresses if _key(a) == _key(address)), address)
    followers = [a for a in addresses if _follows(a, address)]
    switch = _Promotion(netlink.link_at(address.index).name)
    wanted = bool(followers) and not switch.is_on()
    promoted = wanted and switch.set("1")
    try:
        _delete(netlink, address)
    finally:
        if promoted:
            switch.set("0")
    _put_back(netlink, address, followers if wanted and not promoted else [], routes)


def _key(address: Address) -> tuple[int, bytes, int]:
    return address.index, address.packed, address.prefix


def _follows(one: Address, first: Address) -> bool:
    """Whether the kernel drops ``one`` with ``first``: a later address of the same subnet."""
    same = one.index == first.index and one.prefix == first.prefix and covers(one.network, one.prefix, first.network)
    return same and bool(one.flags & F_SECONDARY) and not first.flags & F_SECONDARY


def _delete(netlink: Netlink, address: Address) -> None:
    try:
        netlink.remove(address)
    except OSError as error:
        if error.errno != 99:  # EADDRNOTAVAIL: it is not there any more
            raise


def _put_back(netlink: Netlink, gone: Address, followers: list[Address], routes: list[bytes]) -> None:
    """What went with the address, in the order in which it came."""
    left = {_key(a) for a in netlink.addresses(AF_INET)}
    for lost in followers:
        if _key(lost) not in left:
            netlink.put(lost)
    kept = set(netlink.routes(AF_INET))
    missing = [
        route
        for route in routes
        if route not in kept
        and route_index(route) in (gone.index, 0)
        and route_source(route) != gone.packed
        and route[PROTOCOL_AT] != RTPROT_KERNEL
    ]
    for route in sorted(missing, key=route_scope, reverse=True):
        try:
            netlink.put_route(route)
        except OSError as error:
            ocf.say(f"a route that went with {gone.ip} could not be put back: {error.strerror}")


ALL = "/proc/sys/net/ipv4/conf/all/promote_secondaries"


class _Promotion:
    """The switch ``promote_secondaries`` of one interface. It is in effect when the one for all interfaces is."""

    def __init__(self, interface: str) -> None:
        self.path = f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries"

    def is_on(self) -> bool:
        """Whether the kernel keeps the others."""
        try:
            return any((ocf.read_file(path) or "0").strip() == "1" for path in (self.path, ALL))
        except OSError:
            return False

    def set(self, text: str) -> bool:
        """Set it; whether that was possible."""
        try:
            with open(self.path, "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            return False
        return True
