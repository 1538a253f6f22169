"""lvs-director: what the director of LVS needs: the virtual address, forwarding, and connections told to the other one.

The sync daemon of the kernel runs as master while the resource runs here. What receives, the daemon as backup, is none
of this agent's: it has to run where the resource does not.
"""

from __future__ import annotations

import re
from _socket import AF_INET
from collections.abc import Sequence

from hacluster_ra import host_settings, ipaddr, ocf
from hacluster_ra.netlink import family_of
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Unfinished, Values
from hacluster_ra.programs import run

KIND = "lvs-director"
MASTER = re.compile(r"^master sync daemon \(mcast=([^,]+), syncid=([0-9]+)", re.MULTILINE)
MAX_SYNC_ID = 255


def _check_interface(value: str) -> str:
    bad = any(character.isspace() or character == "/" for character in value) or len(value) > 15
    return f"sync_interface is {value!r}, which is no interface" if bad else ""


def _check_sync_id(value: str) -> str:
    return f"sync_id is {value}, 0 to {MAX_SYNC_ID} are possible" if int(value) > MAX_SYNC_ID else ""


def wanted_settings(values: Values) -> dict[str, str]:
    """Path below /proc/sys and value."""
    if not values.flag("forward"):
        return {}
    name = "net/ipv4/ip_forward" if family_of(values.text("ip")) == AF_INET else "net/ipv6/conf/all/forwarding"
    return {name: "1"}


def _ipvsadm(values: Values, *words: str) -> tuple[int, str]:
    return run(["ipvsadm", *words], values.timeout_s / 2)


def _master(values: Values) -> tuple[str, str] | None:
    """Interface and number of the sync daemon that runs as master."""
    status, said = _ipvsadm(values, "-L", "--daemon")
    if status:
        raise Failure(ocf.ERR_GENERIC, f"ipvsadm cannot tell whether the sync daemon runs: {said}")
    found = MASTER.search(said)
    return None if found is None else (found[1], found[2])


def _wanted_master(values: Values) -> tuple[str, str] | None:
    interface = values.text("sync_interface")
    return (interface, str(values.number("sync_id"))) if interface else None


def _start_master(values: Values, wanted: tuple[str, str]) -> None:
    found = _master(values)
    if found == wanted:
        return
    if found is not None:
        text = f"the sync daemon runs already, on {found[0]} with number {found[1]}: there is one for the whole host"
        raise Failure(ocf.ERR_GENERIC, text)
    status, said = _ipvsadm(values, "--start-daemon", "master", "--mcast-interface", wanted[0], "--syncid", wanted[1])
    if status and _master(values) != wanted:
        raise Failure(ocf.ERR_GENERIC, f"the sync daemon does not start: {said}")


def start(values: Values) -> int:
    """The address comes last: with it comes the traffic."""
    master = _wanted_master(values)
    host_settings.lock(KIND)
    host_settings.bring_about(KIND, wanted_settings(values))
    record = ocf.record_path(KIND, values.text("ip"))
    ocf.write_record(record, "master\n" if master else "\n")
    if master is not None:
        _start_master(values, master)
    return ipaddr.start(values)


def stop(values: Values) -> int:
    """The address goes first; forwarding and sync daemon when no other resource of this type needs them."""
    ipaddr.stop(values)
    record = ocf.record_path(KIND, values.text("ip"))
    if not ocf.exists(record):
        return ocf.OK
    host_settings.lock(KIND)
    had_master = "master" in ocf.read_record(record)
    others = [path for path in host_settings.resources(KIND) if path != record]
    if had_master and not any("master" in ocf.read_record(path) for path in others) and _master(values) is not None:
        status, said = _ipvsadm(values, "--stop-daemon", "master")
        if status and _master(values) is not None:
            raise Failure(ocf.ERR_GENERIC, f"the sync daemon does not stop: {said}")
    ocf.remove_record(record)
    host_settings.put_back(KIND)
    return ocf.OK


def monitor(values: Values) -> int:
    """The address on its interface, a host that forwards, and the sync daemon as master if there is to be one."""
    code = ipaddr.monitor(values)
    if code != ocf.OK:
        return code
    wrong = host_settings.wrong(wanted_settings(values))
    if wrong:
        raise Unfinished(wrong)
    master = _wanted_master(values)
    if master is not None and (found := _master(values)) != master:
        raise Unfinished(f"the sync daemon is {f'on {found[0]}, number {found[1]}' if found else 'no master'}")
    return ocf.OK


AGENT = Agent(
    "lvs-director",
    "The director of LVS",
    "Puts the virtual address on an interface as IPaddr does, lets the host forward packets, and tells connections to "
    "the other directors by the sync daemon of IPVS; undoes all of it on stop. Put ldirectord after it into a group. "
    "The other directors hear of connections when the sync daemon runs there as backup, from boot on: "
    "ipvsadm --start-daemon backup --mcast-interface IF --syncid ID (in Debian /etc/default/ipvsadm).",
    (
        *ipaddr.PARAMETERS,
        Parameter(
            "forward",
            "Forward packets",
            "Whether the host forwards packets while the resource runs. NAT needs it.",
            kind="boolean",
            default="true",
        ),
        Parameter(
            "sync_interface",
            "Interface for connections",
            "Where the sync daemon of IPVS tells connections, by multicast. Without one none runs. Whoever is on that "
            "network can read and forge them: use one between the directors alone.",
            group="sync",
            check=_check_interface,
        ),
        Parameter(
            "sync_id",
            "Number of the group of directors",
            "0 to 255; a sync daemon that runs as backup takes what has its own number.",
            kind="integer",
            default="0",
            group="sync",
            check=_check_sync_id,
        ),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="10s"),
        Action("reload-agent", ipaddr.reload_agent, 20),
    ),
    validate=ipaddr.validate,
)

USAGE = "ADDR[/BITS[/IF[:LABEL][/BROADCAST]]] [SYNC_IF [SYNC_ID]]"


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``lvs-director::ADDR[/BITS…][::SYNC_IF[::SYNC_ID]]``; haresources takes no ``::`` inside an address."""
    found, wrong = ipaddr.from_haresources(arguments[:1])
    rest = arguments[1:]
    if len(rest) > 2:
        wrong = wrong or "after the address an interface and a number at most"
    return found | {name: word for name, word in zip(("sync_interface", "sync_id"), rest, strict=False) if word}, wrong
