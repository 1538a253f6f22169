"""A cluster to manage: a group, a clone, a promotable clone and a single service, and what must be so when all is
quiet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hacluster.ccm.rules import Rules
from hacluster.cib.voters import voters_of
from hacluster.crmd.fsa import State
from hacluster.crmd.machine import CrmdMachine
from hacluster.sim.crm.ring import RingSetup, write_of
from hacluster.sim.crm.standin import StandIn

SINGLE = frozenset({"vip", "httpd", "db"})
"""What may run on one node at a time."""


def _primitive(name: str, *, stateful: bool = False) -> str:
    monitors = f'<op id="{name}-monitor" name="monitor" interval="10s" timeout="20s"/>'
    if stateful:
        monitors = (
            f'<op id="{name}-up" name="monitor" interval="10s" timeout="20s" role="Promoted"/>'
            f'<op id="{name}-down" name="monitor" interval="11s" timeout="20s" role="Unpromoted"/>'
        )
    kind = "Stateful" if stateful else "Dummy"
    return (
        f'<primitive id="{name}" class="ocf" provider="hacluster" type="{kind}"><operations>{monitors}'
        f'<op id="{name}-start" name="start" interval="0" timeout="90s"/></operations></primitive>'
    )


def primitive_patch(name: str) -> str:
    """A patch that adds a service, and leaves the trace of a write of that name."""
    path = "/cib/configuration/resources"
    change = f'<change operation="create" path="{path}" position="0">{_primitive(name)}</change>'
    return write_of(name).replace("</diff>", f"{change}</diff>")


def standby_patch(node: str) -> str:
    """A patch that puts a node into standby; the write is called ``standby-NODE``."""
    pair = f'<nvpair id="standby-{node}" name="standby" value="on"/>'
    pairs = f'<instance_attributes id="attributes-{node}">{pair}</instance_attributes>'
    path = f"/cib/configuration/nodes/node[@id='{node}']"
    change = f'<change operation="create" path="{path}" position="0">{pairs}</change>'
    return write_of(f"standby-{node}").replace("</diff>", f"{change}</diff>")


def device(name: str, hosts: str = "", agent: str = "fence_sim", **parameters: str) -> str:
    """A fence device of a pretended cluster; its name is also the switch's (``ip``)."""
    words = {"ip": name, **({"pcmk_host_list": hosts} if hosts else {}), **parameters}
    pairs = "".join(f'<nvpair id="{name}-{word}" name="{word}" value="{value}"/>' for word, value in words.items())
    return (
        f'<primitive id="{name}" class="stonith" type="{agent}">'
        f'<instance_attributes id="{name}-params">{pairs}</instance_attributes></primitive>'
    )


def cluster(
    names: Sequence[str],
    *,
    promotable: bool = False,
    devices: str = "",
    topology: str = "",
    options: Mapping[str, str] = MappingProxyType({}),
    schema: str = "3.9",
) -> RingSetup:
    """These nodes, one vote each; fenced by devices, by their watchdogs, or not at all. Two with devices: a pair."""
    fenced = bool(devices) or "have-watchdog" in options
    voters = voters_of(names, two_node=bool(devices) and len(names) == 2)
    nodes = "".join(f'<node id="{name}" uname="{name}"/>' for name in names)
    options_xml = (
        f'<nvpair id="voters" name="quorum-voters" value="{voters.show()}"/>'
        f'<nvpair id="fencing" name="stonith-enabled" value="{str(fenced).lower()}"/>'
    )
    options_xml += "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>' for name, value in options.items())
    resources = (
        f'<group id="web">{_primitive("vip")}{_primitive("httpd")}</group>'
        f'<clone id="pings">{_primitive("ping")}</clone>{_primitive("db")}'
    )
    if promotable:
        meta = (
            '<meta_attributes id="state-meta"><nvpair id="state-p" name="promotable" value="true"/></meta_attributes>'
        )
        resources += f'<clone id="states">{meta}{_primitive("state", stateful=True)}</clone>'
    content = (
        f'<cib validate-with="pacemaker-{schema}" admin_epoch="0" epoch="0" num_updates="0" crm_feature_set="3.16.1">'
        f'<configuration><crm_config><cluster_property_set id="options">{options_xml}</cluster_property_set>'
        "</crm_config>"
        f"<nodes>{nodes}</nodes><resources>{resources}{devices}</resources><constraints/>"
        '<rsc_defaults><meta_attributes id="defaults"><nvpair id="sticky" name="resource-stickiness" value="10"/>'
        f"</meta_attributes></rsc_defaults><fencing-topology>{topology}</fencing-topology></configuration></cib>"
    )
    return RingSetup(tuple(sorted(names)), voters, ccm_rules=Rules(), content=content)


def managed(names: Sequence[str], seed: int = 1, *, promotable: bool = False, **more: str) -> StandIn:
    """A run of such a cluster; ``more`` as for :func:`cluster`."""
    ring = StandIn(cluster(names, promotable=promotable, **more), seed)  # type: ignore[arg-type]
    ring.services.single = SINGLE
    return ring


def state_of(ring: StandIn, name: str) -> State:
    """What a node's crmd is doing."""
    crmd = ring.nodes[name].crmd
    assert isinstance(crmd, CrmdMachine), "a ring without crmd"
    return crmd.state


def is_quiet(ring: StandIn) -> bool:
    """One view of all, one DC that is idle, the others not."""
    if not ring.is_good():
        return False
    states = sorted(state_of(ring, name) for name in ring.nodes)
    return states == sorted([State.IDLE, *[State.NOT_DC] * (len(states) - 1)])


def run_until_quiet(ring: StandIn, most_ms: int = 60_000) -> int:
    """Until it has been quiet for a second; how long that took. AssertionError when it never is."""
    start = ring.agenda.now
    quiet_since: int | None = None
    while ring.agenda.now < start + most_ms:
        ring.agenda.run_until(ring.agenda.now + 50)
        if not is_quiet(ring):
            quiet_since = None
        elif quiet_since is None:
            quiet_since = ring.agenda.now
        elif ring.agenda.now - quiet_since >= 1_000:
            return quiet_since - start
    raise AssertionError(f"not quiet after {most_ms} ms: {[line for line in ring.log if 'crmd' in line][-12:]}")
