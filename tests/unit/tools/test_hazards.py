"""``crm_verify --hazards``: each hazard in a small cluster that has it, and none in one that has none."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.tools.crm_verify import script
from hacluster.tools.hazards import hazards
from tests.scripts import play

NOW = Moment.from_epoch(1_800_000_000)
METADATA = """<resource-agent name="x"><parameters><parameter name="plug"/></parameters><actions>
<action name="off"/><action name="reboot"/><action name="status"/><action name="monitor"/></actions></resource-agent>"""


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which agents are on the host that checks is not what is tested."""
    monkeypatch.setattr("hacluster.tools.hazards.fence_metadata", lambda agent: None if "gone" in agent else METADATA)


def pairs(owner: str, words: dict[str, str]) -> str:
    return "".join(f'<nvpair id="{owner}-{name}" name="{name}" value="{value}"/>' for name, value in words.items())


def device(ident: str, agent: str = "fence_apc_snmp", **words: str) -> str:
    inner = f'<instance_attributes id="{ident}-p">{pairs(ident, words)}</instance_attributes>'
    return f'<primitive id="{ident}" class="stonith" type="{agent}">{inner}</primitive>'


def ban(rsc: str, *nodes: str, ident: str = "ban") -> str:
    return "".join(
        f'<rsc_location id="{ident}-{rsc}-{node}" rsc="{rsc}" node="{node}" score="-INFINITY"/>' for node in nodes
    )


VIP = '<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/>'
ALL = "a b c"
PDU = device("pdu", ip="10.0.0.9", pcmk_host_list=ALL)


def cib(devices: str = PDU, *, nodes: str = ALL, constraints: str = "", levels: str = "", **options: str) -> str:
    words = {"stonith-enabled": "true", **{name.replace("_", "-"): value for name, value in options.items()}}
    known = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(nodes.split(), start=1))
    topology = f"<fencing-topology>{levels}</fencing-topology>" if levels else ""
    return (
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>'
        f'<cluster_property_set id="o">{pairs("o", words)}</cluster_property_set></crm_config><nodes>{known}</nodes>'
        f"<resources>{devices}{VIP}</resources><constraints>{constraints}</constraints>{topology}</configuration>"
        "<status/></cib>"
    )


def codes(text: str) -> list[str]:
    return sorted(report.code for report in hazards(etree.fromstring(text), NOW, "cib.xml"))


def test_a_cluster_without_hazards() -> None:
    assert codes(cib()) == []


IPMI = "fence_ipmilan"
BOARDS = "".join(device(f"bmc-{name}", IPMI, ip=f"10.0.0.{n}", pcmk_host_list=name) for n, name in enumerate("abc"))
TWINS = "".join(device(f"bmc-{name}", IPMI, ip="10.0.0.1", pcmk_host_list=name) for name in "ab") + PDU
LEVEL = '<fencing-level id="l1" target="{}" index="1" devices="{}"/>'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (cib(stonith_enabled="false"), "fencing-off"),
        (cib(""), "no-device"),
        (cib(device("pdu", pcmk_host_list="a b")), "node-without-device"),
        (cib(device("pdu", pcmk_host_map="a:1;b:2;cc:3;c:4")), "unknown-host"),
        (cib(PDU, constraints=ban("pdu", "a", "b")), "own-target"),
        (cib(PDU, constraints=ban("pdu", "a", "b", "c")), "nowhere"),
        (cib(device("gone", "fence_gone", pcmk_host_list=ALL)), "no-agent"),
        (cib(device("t", "hacluster/ssh", hostlist=ALL, pcmk_host_list=ALL)), "test-device"),
        (cib(device("t", "hacluster/meatware", hostlist=ALL, pcmk_host_list=ALL)), "needs-person"),
        (cib(device("pdu", passwd="x", pcmk_host_list=ALL)), "open-secret"),
        (cib(device("pdu", pcmk_reboot_timeout="soon", pcmk_host_list=ALL)), "bad-time"),
        (cib(TWINS), "same-switch"),
        (cib(BOARDS), "powered-by-host"),
        (cib(levels=LEVEL.format("a", "pdu,gone")), "level-unusable"),
        (cib(levels=LEVEL.format("d", "pdu")), "unknown-host"),
        (cib(device("pdu", pcmk_host_list="a b"), nodes="a b"), "both-fence"),
        (cib(stonith_watchdog_timeout="20s"), "no-watchdog"),
        (cib("", nodes="a b", stonith_watchdog_timeout="20s", have_watchdog="true"), "watchdog-of-two"),
        (cib(quorum_voters="a=1 b=1 c=2"), "no-quorum-after"),
        (cib(constraints=ban("vip", "b", "c")), "no-second-home"),
        (cib(constraints=ban("vip", "b", ident="cli-ban")), "leftover-move"),
        (cib(no_quorum_policy="ignore"), "quorum-ignored"),
    ],
)
def test_a_hazard_is_told(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        cib(device("pdu", pcmk_host_list="a b", pcmk_delay_max="10s"), nodes="a b"),
        cib(device("pdu", pcmk_host_list="a b", pcmk_delay_base="a:5s;b:0s"), nodes="a b"),
        cib(device("pdu", pcmk_host_list="a b"), nodes="a b", priority_fencing_delay="10s"),
        cib(device("pdu", pcmk_host_list=ALL, passwd="lrm://")),
        cib(BOARDS + PDU),
        cib("", stonith_watchdog_timeout="20s", have_watchdog="true"),
        cib(levels=LEVEL.format("a", "pdu")),
        cib(device("pdu", agent="fence_vmware_rest", ip="vc")),
    ],
)
def test_what_is_no_hazard(text: str) -> None:
    assert codes(text) == []


def test_the_loss_that_shows_it_is_told_with_its_place() -> None:
    stonith_off = cib(constraints=ban("vip", "b", "c"), stonith_enabled="false")
    found = play(script, ["crm_verify", "--hazards", "-X", stonith_off])
    said = (found.out + found.err).splitlines()
    assert any("a is lost: vip runs nowhere" in line and '<primitive id="vip">' in line for line in said), said
    assert found.status == 0, "--strict makes it count"
    assert play(script, ["crm_verify", "--hazards", "--strict", "-X", stonith_off]).status == 78
