"""Taking an IP address from an interface, and nothing else with it.

An address of a subnet that others were added to is the first of them, and without ``promote_secondaries`` (ip-sysctl of
Linux) the kernel drops the others with it; when no address is left for a moment, it drops the interface's routes too,
the default route among them. So promotion is switched on for that moment; where that is not possible, and for whatever
is lost all the same, addresses and routes are put back.
"""

from __future__ import annotations

from _socket import AF_INET

from hacluster_ra import ocf
from hacluster_ra.netlink import F_SECONDARY, Address, Netlink, route_index, route_scope, route_source

RTPROT_KERNEL = 2
PROTOCOL_AT = 5


def remove(netlink: Netlink, address: Address) -> None:
    """Remove exactly this address."""
    if address.family != AF_INET:
        netlink.remove(address)
        return
    addresses, routes = netlink.addresses(AF_INET), netlink.routes(AF_INET)
    followers = [a for a in addresses if a.index == address.index and a.flags & F_SECONDARY]
    switch = _Promotion(netlink.link_at(address.index).name)
    promoted = bool(followers) and not address.flags & F_SECONDARY and switch.turn_on()
    try:
        netlink.remove(address)
    finally:
        if promoted:
            switch.turn_off()
    _put_back(netlink, address, addresses, routes)


def _put_back(netlink: Netlink, gone: Address, addresses: list[Address], routes: list[bytes]) -> None:
    """What was there before and went with the address, in the order in which it came."""
    left = {(a.index, a.packed, a.prefix) for a in netlink.addresses(AF_INET)}
    left.add((gone.index, gone.packed, gone.prefix))
    for lost in addresses:
        if lost.index == gone.index and (lost.index, lost.packed, lost.prefix) not in left:
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


class _Promotion:
    """The switch ``promote_secondaries`` of one interface. It is in effect when the one for all interfaces is."""

    def __init__(self, interface: str) -> None:
        self.path = f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries"

    def turn_on(self) -> bool:
        """Switch it on; whether it is to be switched off again."""
        try:
            if any((ocf.read_file(path) or "0").strip() == "1" for path in (self.path, ALL)):
                return False
            return self._write("1")
        except OSError:
            return False

    def turn_off(self) -> None:
        """As it was."""
        self._write("0")

    def _write(self, text: str) -> bool:
        try:
            with open(self.path, "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            return False
        return True


ALL = "/proc/sys/net/ipv4/conf/all/promote_secondaries"
