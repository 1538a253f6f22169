"""Whether a laboratory can be had on this machine, found out by trying."""

from __future__ import annotations

import sys

from hacluster.base.errors import HaError
from hacluster.base.report import Report, Severity
from hacluster.lab.faults import Fault, ruleset
from hacluster.lab.hosts import Lab, LabError, require_program

HINTS = {
    "user-namespace": "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, "
    "user.max_user_namespaces above 0, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0",
    "namespaces": "the kernel needs CONFIG_NET_NS, CONFIG_PID_NS, CONFIG_UTS_NS and CONFIG_IPC_NS",
    "overlay": "the kernel needs overlayfs; without root it needs Linux 5.11 or later",
    "proc": "a fresh /proc is refused: inside a container give it --privileged or systempaths=unconfined",
    "sysfs": "a fresh /sys is refused: inside a container give it --privileged or systempaths=unconfined",
    "network": "the kernel needs bridge and veth (modprobe bridge veth)",
    "rules": "the kernel needs nf_tables with the bridge family (modprobe nf_tables)",
    "program": "install the package that the message names",
}


def requirements() -> list[Report]:
    """What is missing for :class:`~hacluster.lab.hosts.Lab`; empty when a trial with one host succeeded (0.1 s)."""
    if not sys.platform.startswith("linux"):
        return [_report("platform", f"the laboratory is made of Linux namespaces, this is {sys.platform}")]
    try:
        require_program("ip")
        with Lab("trial") as lab:
            lab.add_network("trial0", "192.0.2.0/24")
            lab.add_host("trial", {"eth0": ("trial0", "192.0.2.1/24")})
    except LabError as error:
        return [_report(error.step or "start", str(error))]
    except (HaError, OSError) as error:
        return [_report("start", f"the laboratory cannot be set up: {error}")]
    return []


def rule_requirements() -> list[Report]:
    """What is missing for cuts in one direction or towards one peer (and, where tc has no netem, for loss)."""
    try:
        with Lab("trial") as lab:
            lab.tool(["nft", "-f", "-"], ruleset([Fault("p1.0", "out", "p2.0", 1)]))
    except LabError as error:
        return [_report("rules", str(error))]
    return []


def _report(step: str, text: str) -> Report:
    return Report(f"lab-{step}", Severity.ERROR, text, hint=HINTS.get(step, ""))
