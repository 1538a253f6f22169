"""Words of a device, and how agents are called and read."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.stonith import Device
from hacluster.stonith.conventions import Places, call_of, facts_of, fault_of, power_of, reason_of, targets_of
from hacluster.stonith.parameters import AgentFacts, HostCheck, Parameters, host_map, split_names

FACTS = AgentFacts(frozenset({"on", "off", "reboot", "list", "status", "monitor"}), "plug")


def parameters(**words: str) -> Parameters:
    return Parameters(Device("d", "fence_x", tuple(words.items())))


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a:1;b:2,3", {"a": "1", "b": "2,3"}),
        ("a:1 b=2", {"a": "1", "b": "2"}),
        (r"a:one\;two;b:3", {"a": "one;two", "b": "3"}),
        ("a:aa:bb;", {"a": "aa:bb"}),
        ("a", {}),
        (";;:", {}),
    ],
)
def test_host_map(text: str, table: dict[str, str]) -> None:
    assert host_map(text) == table


@given(st.text())
def test_no_text_of_a_parameter_is_too_odd(text: str) -> None:
    host_map(text)
    split_names(text)
    odd = parameters(
        pcmk_delay_base=text, pcmk_delay_max=text, pcmk_host_map=text, pcmk_off_timeout=text, priority=text
    )
    low, high = odd.delays_ms("a")
    assert 0 <= low <= high
    assert odd.timeout_ms("off", 7) > 0
    assert isinstance(odd.priority, int)


def test_delays() -> None:
    assert parameters(pcmk_delay_base="2s").delays_ms("a") == (2_000, 2_000)
    assert parameters(pcmk_delay_max="5s").delays_ms("a") == (0, 5_000)
    assert parameters(pcmk_delay_base="2s", pcmk_delay_max="5s").delays_ms("a") == (2_000, 5_000)
    assert parameters(pcmk_delay_base="9s", pcmk_delay_max="5s").delays_ms("a") == (5_000, 9_000)
    assert parameters(pcmk_delay_base="a:1;b:3s").delays_ms("b") == (3_000, 3_000)
    assert parameters(pcmk_delay_base="a:1;b:3s").delays_ms("c") == (0, 0)


def test_how_targets_are_known() -> None:
    assert parameters().check(FACTS) is HostCheck.DYNAMIC
    assert parameters(pcmk_host_list="a").check(FACTS) is HostCheck.STATIC
    assert parameters(pcmk_host_map="a:1").check(FACTS) is HostCheck.STATIC
    assert parameters(pcmk_host_check="none", pcmk_host_list="a").check(FACTS) is HostCheck.NONE
    assert parameters().check(AgentFacts(frozenset({"off", "status"}))) is HostCheck.STATUS
    assert parameters().check(AgentFacts(frozenset({"off"}))) is HostCheck.NONE


def test_what_an_agent_is_given() -> None:
    device = parameters(pcmk_host_map="n1:7", ip="10.0.0.1", action="off", pcmk_reboot_action="cycle", priority="3")
    assert device.for_agent(FACTS, "reboot", "n1") == {
        "action": "cycle",
        "nodename": "n1",
        "ip": "10.0.0.1",
        "plug": "7",
    }
    assert device.for_agent(FACTS, "monitor", "") == {"action": "monitor", "ip": "10.0.0.1"}
    assert parameters(plug="9").for_agent(FACTS, "off", "n1")["plug"] == "9"
    assert parameters(pcmk_host_argument="uuid").for_agent(FACTS, "off", "n1")["uuid"] == "n1"
    assert "plug" not in parameters(pcmk_host_argument="none").for_agent(FACTS, "off", "n1")


def test_calls() -> None:
    device = parameters(ip="1.2.3.4", password="a b\nc")
    places = Places(own="/own", glue="/bin/stonith")
    rhcs = call_of("fence_x", device, FACTS, "off", target="n1", places=places)
    assert rhcs.argv == ("/usr/sbin/fence_x",)
    assert rhcs.stdin == b"action=off\nnodename=n1\nip=1.2.3.4\npassword=a b c\nplug=n1\n"
    assert call_of("hacluster/ssh", device, FACTS, "list", target="", places=places).argv == ("/own/ssh",)
    assert call_of("fence_x", device, FACTS, "metadata", target="", places=places).stdin == b"action=metadata\n"
    glue = call_of("external/ipmi", device, FACTS, "reboot", target="n1", places=places)
    assert glue.argv == ("/bin/stonith", "-t", "external/ipmi", "-E", "-T", "reset", "n1")
    assert dict(glue.env)["password"] == "a b\nc"
    assert call_of("null", device, FACTS, "list", target="", places=places).argv[-1] == "-l"
    assert call_of("null", device, FACTS, "monitor", target="", places=places).argv[-1] == "-S"


@pytest.mark.parametrize("agent", ["", "..", "../x", "a/../b", "/bin/sh", "-L", "a b", "a\0b", "x/y/z"])
def test_names_that_are_none(agent: str) -> None:
    assert fault_of(agent)


@pytest.mark.parametrize("agent", ["fence_ipmilan", "external/ipmi", "hacluster/ssh", "null", "apcmaster"])
def test_names(agent: str) -> None:
    assert not fault_of(agent)


def ended(code: int, out: str = "", err: str = "", end: ChildEnd = ChildEnd.EXITED) -> ChildExited:
    return ChildExited(1, end, code, out.encode(), err.encode())


def test_answers() -> None:
    assert [power_of(ended(code)) for code in (0, 2, 1)] == [True, False, None]
    assert targets_of("fence_x", ended(0, "1,n1\n2,\nN/A\n")) == {"1", "n1", "2"}
    assert targets_of("external/x", ended(0, "n1 n2\nn3")) == {"n1", "n2", "n3"}
    secret = parameters(password="swordfish", community="public1", ip="host")
    assert reason_of(ended(1, err="no\nswordfish public1 at host\n"), secret) == "exit status 1: **** **** at host"
    assert reason_of(ended(9, end=ChildEnd.SIGNALED), secret) == "signal 9"
    assert "in time" in reason_of(ended(0, end=ChildEnd.TIMED_OUT), secret)


def test_metadata() -> None:
    text = (
        '<resource-agent><parameters><parameter name="port"/></parameters><actions><action name="off"/>'
        '<action name="on" automatic="1" on_target="1"/></actions></resource-agent>'
    )
    assert facts_of("fence_x", ended(0, text)) == AgentFacts(frozenset({"off", "on"}), "port", True, True)
    assert facts_of("fence_x", ended(0, "no xml")) is None
    assert facts_of("fence_x", ended(1, text)) is None
    found = facts_of("external/ipmi", ended(0, "hostname\nipaddr\nuserid\npasswd  \n"))
    assert found is not None
    assert "reboot" in found.actions
    assert found.names == ("hostname", "ipaddr", "userid", "passwd")


def test_values_without_names_and_files_of_plugins() -> None:
    facts = AgentFacts(frozenset({"reboot"}), "none", names=("hostlist", "rest"))
    device = Parameters(Device("d", "ssh", (("positional", "n1 n2 n3"),)))
    call = call_of("ssh", device, facts, "reboot", target="n1", places=Places())
    assert call.argv == ("/usr/sbin/stonith", "-t", "ssh", "-E", "-T", "reset", "n1")
    assert (dict(call.env)["hostlist"], dict(call.env)["rest"]) == ("n1", "n2 n3")
    assert call_of("ssh", device, facts, "metadata", target="", places=Places()).argv[-1] == "-n"
    file = Parameters(Device("d", "ssh", (("config_file", "/etc/ha.d/stonith.cfg"),)))
    assert call_of("ssh", file, facts, "list", target="", places=Places()).argv[3:] == (
        "-F",
        "/etc/ha.d/stonith.cfg",
        "-l",
    )


def test_a_secret_that_is_kept_elsewhere_is_read_by_who_runs_the_agent() -> None:
    device = Parameters(Device("ipmi", "fence_x", (("ip", "10.0.0.1"), ("passwd", "lrm://"))))
    call = call_of("fence_x", device, FACTS, "off", target="n1", places=Places())
    assert call.stdin == b"action=off\nnodename=n1\nip=10.0.0.1\nplug=n1\n"
    assert call.stdin_secrets == (("passwd", "/var/lib/pacemaker/lrm/secrets/ipmi/passwd"),)
    glue = call_of("external/ipmi", device, FACTS, "reboot", target="n1", places=Places())
    assert glue.secrets == (("passwd", "/var/lib/pacemaker/lrm/secrets/ipmi/passwd"),)
    assert "lrm" not in " ".join(glue.argv)
    metadata = call_of("fence_x", device, FACTS, "metadata", target="", places=Places())
    assert metadata.stdin_secrets == ()
    odd = Parameters(Device("../../etc", "fence_x", (("passwd", "lrm://"),)))
    assert call_of("fence_x", odd, FACTS, "off", target="n1", places=Places()).stdin_secrets == (("passwd", ""),)
    lost = ChildExited(1, ChildEnd.NOT_STARTED, errno.EBADMSG, stderr=b"No such file: /secrets")
    assert reason_of(lost, device) == "a secret parameter cannot be had: No such file: /secrets"
