"""lvs-realserver: what a real server of LVS needs for direct routing or tunnels.

The virtual address stands on lo (DR) or tunl0 (TUN), and the kernel neither answers ARP for it nor speaks of it.
"""

from __future__ import annotations

from _socket import AF_INET, inet_pton
from collections.abc import Sequence

from hacluster_ra import host_settings, ocf
from hacluster_ra.netlink import Address, Link, Netlink, family_of
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Unfinished, Values
from hacluster_ra.programs import run

KIND = "lvs-realserver"
QUIET = {"arp_ignore": "1", "arp_announce": "2"}
UNFILTERED = {"rp_filter": "0"}
"""Packets that come out of a tunnel have a source that does not lead back into it."""


def _check_ip(value: str) -> str:
    try:
        family_of(value)
    except (OSError, ValueError):
        return f"ip is {value!r}, which is no IP address"
    return ""


def _check_nic(value: str) -> str:
    bad = any(character.isspace() or character == "/" for character in value) or len(value) > 15
    return f"nic is {value!r}, which is no interface" if bad else ""


def validate(_: Values) -> None:
    """Every parameter is judged by itself."""


def nic_of(values: Values) -> str:
    """The interface that has the address."""
    method, nic = values.text("method"), values.text("nic")
    return nic or ("tunl0" if method == "tun" else "lo")


def wanted_settings(values: Values) -> dict[str, str]:
    """Path below /proc/sys and value; none for IPv6, whose neighbours ask an interface for its own addresses only."""
    if family_of(values.text("ip")) != AF_INET:
        return {}
    settings = QUIET | (UNFILTERED if values.text("method") == "tun" else {})
    places = dict.fromkeys(("all", nic_of(values)))
    return {f"net/ipv4/conf/{place}/{name}": value for place in places for name, value in settings.items()}


def _present(netlink: Netlink, values: Values) -> tuple[Link | None, list[Address]]:
    """The interface, and the address on it."""
    ip, link = values.text("ip"), netlink.link(nic_of(values))
    if link is None:
        return None, []
    family = family_of(ip)
    packed = inet_pton(family, ip)
    return link, [one for one in netlink.addresses(family) if one.index == link.index and one.packed == packed]


def start(values: Values) -> int:
    """Quiet first, then the address: in the other order the host answers ARP for it for a moment."""
    netlink, wanted = Netlink(), wanted_settings(values)
    link, present = _present(netlink, values)
    if link is None and nic_of(values) == "tunl0":
        run(["modprobe", "ipip"], values.timeout_s / 2)
        link, present = _present(netlink, values)
    if link is None:
        raise Failure(ocf.ERR_INSTALLED, f"there is no interface {nic_of(values)}")
    host_settings.lock(KIND)
    host_settings.bring_about(KIND, wanted)
    ocf.write_record(ocf.record_path(KIND, values.text("ip")), nic_of(values))
    if not link.is_up:
        netlink.set_up(link)
    if not present:
        family = family_of(values.text("ip"))
        netlink.add(values.text("ip"), 32 if family == AF_INET else 128, link.index)
    return ocf.OK


def stop(values: Values) -> int:
    """The address goes first; the settings when no other address needs them."""
    netlink = Netlink()
    record = ocf.record_path(KIND, values.text("ip"))
    _, present = _present(netlink, values)
    if not present and not ocf.exists(record):
        return ocf.OK
    host_settings.lock(KIND)
    for address in present:
        netlink.remove(address)
    ocf.remove_record(record)
    host_settings.put_back(KIND)
    return ocf.OK


def monitor(values: Values) -> int:
    """The address on its interface, and a host that keeps quiet about it."""
    _, present = _present(Netlink(), values)
    if not present:
        return ocf.NOT_RUNNING
    wrong = host_settings.wrong(wanted_settings(values))
    if wrong:
        raise Unfinished(wrong)
    return ocf.OK


AGENT = Agent(
    "lvs-realserver",
    "A real server of LVS by direct routing or tunnel",
    "Puts the virtual address on lo (DR) or tunl0 (TUN) with a host netmask, sets arp_ignore and arp_announce so that "
    "this host does not answer for it, and undoes both on stop. Run it as a clone on the real servers. A host route is "
    "not needed: the kernel delivers to an address of its own.",
    (
        Parameter("ip", "Virtual address", "IPv4 or IPv6 address.", required=True, group="address", check=_check_ip),
        Parameter(
            "method",
            "Forwarding method of the director",
            "dr: direct routing (gate), tun: IP-IP tunnel (ipip).",
            kind="select",
            options=("dr", "tun"),
            default="dr",
            group="address",
        ),
        Parameter(
            "nic", "Interface", "Where the address stands. Default: lo, or tunl0.", group="address", check=_check_nic
        ),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="20s"),
    ),
    validate=validate,
)

USAGE = "ADDRESS [dr|tun [INTERFACE]]"


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``lvs-realserver::ADDRESS[::dr|tun[::INTERFACE]]``."""
    wrong = "address, method and interface at most" if len(arguments) > 3 else ""
    if not arguments or not arguments[0]:
        wrong = "an address is missing"
    return {n: v for n, v in zip(("ip", "method", "nic"), arguments, strict=False) if v}, wrong
