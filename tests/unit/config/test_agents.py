"""What is known of agents' parameters, held against the agents themselves, and what a configuration is told."""

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from hacluster.base.report import Severity
from hacluster.client.agentfacts import Agents, read_meta_data
from hacluster.config.agents import FRONT_ENDS, OURS, AgentFacts, ParameterFacts, faults_of
from hacluster.config.directory import DirectoryTexts, FileText, check_directory
from hacluster.config.facts import NO_FACTS, HostFacts, InterfaceFacts
from hacluster.config.ha_cf import parse_ha_cf
from hacluster.config.haresources import parse_haresources
from tests.unit.ra.unusable import UNUSABLE

RA = Path(__file__).parents[3] / "ra"
sys.path.insert(0, str(RA / "lib"))

GOOD = {
    "IPaddr": {"ip": "fd00::1", "cidr_netmask": "64", "nic": "eth0:web", "broadcast": "+", "check_duplicate": "ja"},
    "Filesystem": {"device": "-Ldata", "directory": "/srv/a b", "options": "rw,noatime", "force_unmount": "safe"},
    "webserver": {"port": "65535", "ip": "::1", "directory": "/srv", "access_log": "/var/log/x"},
    "ldirectord": {"configfile": "shop.cf", "ldirectord": "/usr/sbin/ldirectord"},
    "filesync": {"source": "/srv/www", "targets": "web2::www root@web3:/srv /backup", "delay": "0"},
    "lvs-director": {"ip": "172.16.100.1", "forward": "no", "sync_interface": "eth1", "sync_id": "255"},
    "lvs-realserver": {"ip": "fd00::1", "method": "tun", "nic": "tunl0"},
    "Dummy": {"op_sleep": "0", "value": "any thing"},
    "Stateful": {"promoted_score": "-INFINITY"},
}


def agent(name: str) -> Any:
    return importlib.import_module(f"hacluster_ra.{name.lower().replace('-', '_')}").AGENT


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_table_is_what_the_agents_say_of_themselves(name: str) -> None:
    said = [(p.name, p.kind, p.required) for p in agent(name).parameters]
    assert [(p.name, p.kind, p.required) for p in OURS[name].parameters] == said
    text = importlib.import_module("hacluster_ra.metadata").meta_data(agent(name))
    read = read_meta_data(text.encode(), "/x")
    assert read is not None
    assert [(p.name, p.kind, p.required) for p in read.parameters] == said


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in UNUSABLE.items() for key in keys])
def test_the_table_refuses_what_the_agents_refuse(name: str, key: str) -> None:
    assert faults_of(OURS[name], GOOD[name]) == []
    agent(name).perform("validate-all", {f"OCF_RESKEY_{k}": v for k, v in GOOD[name].items()})
    for value in UNUSABLE[name][key]:
        if name in ("IPaddr", "lvs-director") and (key, value) in (("cidr_netmask", "33"), ("broadcast", "fe80::1")):
            continue  # wrong with an IPv4 address only
        found = faults_of(OURS[name], {"ip": "10.0.0.1"} | GOOD[name] | {key: value})
        assert [parameter for parameter, _ in found] == [key], value


def judged(line: str, host: HostFacts = NO_FACTS) -> list[tuple[str, str, str]]:
    _, reports = parse_haresources(f"alpha {line}\n", "haresources", nodes=("alpha", "beta"), host=host)
    return [(report.severity.word, report.code, report.text) for report in reports]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Filesystem", ["device of 'Filesystem': it is required", "directory of 'Filesystem': it is required"]),
        ("Filesystem::/dev/sda1", ["directory of 'Filesystem::/dev/sda1': it is required"]),
        ("Filesystem::/dev/sda1::data", ["'data' is no absolute path"]),
        ("Filesystem::/dev/sda1::/", ["'/' is the root directory"]),
        ("Filesystem::/dev/sda1::/data::ext4::rw::2", ["4 arguments at most, this one has 5"]),
        ("webserver::80x", ["'80x' is no port"]),
        ("webserver::80::www", ["'www' is no absolute path"]),
        ("webserver::80::/www::x", ["2 arguments at most"]),
        ("filesync::/srv/www::web2", ["'web2' is neither HOST::MODULE"]),
        ("filesync", ["source of 'filesync': it is required", "targets of 'filesync': it is required"]),
        ("Dummy::a::b", ["1 arguments at most"]),
        ("lvs-director::10.0.0.1::e/1::300", ["'e/1' is not the name", "'300' is no number of 0 to 255"]),
    ],
)
def test_arguments_that_no_node_can_use_are_errors(line: str, words: list[str]) -> None:
    found = judged(line)
    assert [(severity, code) for severity, code, _ in found] == [("error", "bad-arguments")] * len(words)
    for (_, _, text), word in zip(found, words, strict=True):
        assert word in text


@pytest.mark.parametrize(
    "line",
    [
        "Filesystem::/dev/sda1::/data1::ext2",
        "Filesystem::-Ldata1::/data1::ext2",
        "Filesystem::-Uab-cd::/data1",
        "Filesystem::server:/data1::/data1::nfs::ro",
        "Filesystem::none::/data::tmpfs",
        "Filesystem::/srv/x::/data::none::bind,ro",
        "webserver webserver::8080::/srv",
        "Dummy Dummy::x",
        "filesync::/srv/www::web2::www::root@web3:/srv/www::/backup",
        "lvs-director::10.0.0.1/24/eth0:0::eth1::7",
        "10.0.0.1/24/an-alternative-name-of-some-length:0",
    ],
)
def test_good_arguments(line: str) -> None:
    assert judged(line) == []


HOST = HostFacts(
    files={"/dev/sda1"},
    directories={"/srv/x", "/var/log"},
    filesystems=("ext4", "nfs"),
    scripts={"Filesystem", "webserver", "IPaddr"},
    foreign_scripts={"webserver"},
    interfaces={"eth0": InterfaceFacts(), "storage-lan": InterfaceFacts(own_name="eth0"), "eth0:0": InterfaceFacts()},
)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("Filesystem::/dev/sdz1::/data::ext4", "no-such-device", "no '/dev/sdz1' on this host"),
        ("Filesystem::/dev/sda1::/data::ext5", "unknown-file-system", "no file system 'ext5'"),
        ("Filesystem::sda1::/data::ext4", "bad-arguments", "'sda1' is no path"),
        ("10.0.0.1/24/eth0:twelve-chars", "bad-address", "'eth0:twelve-chars' is longer than 15"),
        ("10.0.0.1/24/absent", "no-such-interface", "'absent'"),
    ],
)
def test_what_this_host_lacks(line: str, code: str, words: str) -> None:
    ((_, found, text),) = judged(line, HOST)
    assert (found, words in text) == (code, True), text


@pytest.mark.parametrize(
    "line",
    [
        "Filesystem::/dev/sda1::/data::ext4",
        "Filesystem::/srv/x::/data::none::bind",
        "Filesystem::s:/x::/data::nfs",
        "10.0.0.1/24/storage-lan:ten-letter",
    ],
)
def test_what_this_host_has(line: str) -> None:
    assert judged(line, HOST) == []


def test_what_a_script_of_the_host_takes_is_its_own() -> None:
    """It is said that ours is hidden; one of init.d hides ours only where the word has no arguments."""
    hidden = "webserver is a script of this host, which comes before ours: its arguments are not known"
    assert [text.partition(" (")[0] for _, _, text in judged("webserver::a::b::c", HOST)] == [hidden]
    of_init = dataclasses.replace(HOST, foreign_scripts=(), init_scripts=("webserver",), scripts=("webserver",))
    assert [code for _, code, _ in judged("webserver", of_init)] == ["script-of-the-host"]
    assert {code for _, code, _ in judged("webserver::a::b::c", of_init)} == {"bad-arguments"}


def ocf(kind: str, settings: str, host: HostFacts = NO_FACTS) -> list[tuple[str, str, str]]:
    texts = DirectoryTexts(
        ha=FileText("ha.cf", "node alpha beta\nbcast eth0 eth1\nauto_failback on\n"),
        authkeys=FileText("authkeys", "auth 1\n1 sha1 0123456789abcdef0123\n", 0o600, 0),
        haresources=FileText("haresources", f"alpha OCF::{kind}::one\n"),
        hacluster=FileText("hacluster.cf", None),
        instances={(kind, "one"): FileText(f"conf/OCF/{kind}/one", settings)},
    )
    reports = check_directory(texts, host).reports
    return [(report.severity.word, report.code, report.text) for report in reports]


def test_the_settings_of_an_ocf_resource_against_the_agents_meta_data() -> None:
    theirs = AgentFacts(
        "/usr/lib/ocf/resource.d/heartbeat/db",
        (ParameterFacts("port", "integer"), ParameterFacts("dir", required=True), ParameterFacts("log", "boolean")),
    )
    host = HostFacts(
        agents={"db": theirs, "webserver": dataclasses.replace(OURS["webserver"], program="/x/hacluster/webserver")}
    )
    found = ocf("db", "OCF_RESKEY_port=80x\nOCF_RESKEY_log=perhaps\nOCF_RESKEY_prot=1\n", host)
    assert [(severity, code) for severity, code, _ in found] == [("warning", "bad-parameter")] * 3 + [
        ("warning", "unknown-parameter")
    ]
    assert "no parameter 'prot'" in found[-1][2]
    assert ocf("db", "OCF_RESKEY_port=-80\nOCF_RESKEY_dir=x\nOCF_RESKEY_log=on\n", host) == []
    for known in (host, NO_FACTS):
        ((severity, code, text),) = ocf("webserver", "OCF_RESKEY_port=80x\n", known)
        assert (severity, code, "'80x' is no port" in text) == ("error", "bad-parameter", True)
    assert ocf("Filesystem", "OCF_RESKEY_run_fsck=no\n") == [], "which of two agents of that name runs is not known"
    debian = AgentFacts("/usr/lib/ocf/resource.d/heartbeat/Filesystem", (ParameterFacts("force_unmount", "boolean"),))
    for word, faulty in (("safe", False), ("perhaps", True)):
        host = HostFacts(agents={"Filesystem": debian})
        assert bool(ocf("Filesystem", f"OCF_RESKEY_force_unmount={word}\n", host)) == faulty
    assert ocf("unheard-of", "OCF_RESKEY_x=no\n") == []


def test_an_agent_of_ours_is_asked_by_its_program(tmp_path: Path) -> None:
    agents = Agents(tmp_path / "resource.d")
    for name, known in OURS.items():
        assert [p.name for p in agents[name].parameters] == [p.name for p in known.parameters]
        assert agents[name].program.endswith(f"/hacluster/{name}")
    for name, body in (
        ("mute", "exit 0"),
        ("noise", "echo '<x>'"),
        ("lax", "echo '<resource-agent><parameter name=\"a\">'"),
    ):
        path = tmp_path / "resource.d/heartbeat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    assert (agents.get("absent"), agents.get("mute"), agents.get("noise")) == (None, None, None)
    assert agents["lax"].parameters == (ParameterFacts("a"),)


def test_the_address_of_a_director_is_judged_as_any_other() -> None:
    for line, words in {
        "lvs-director::10.0.0.300": "10.0.0.300",
        "lvs-director": "lvs-director needs an address",
        "lvs-director::10.0.0.1 10.0.0.1": "is used in line 1 already",
        "lvs-director::fd00::1/64": "would split the address",
    }.items():
        ((severity, _, text),) = judged(line)
        assert (severity, words in text) == ("error", True), text


def test_every_front_end_is_judged() -> None:
    names = {path.name for path in (RA / "heartbeat").iterdir()}
    assert names == {*FRONT_ENDS, "IPaddr", "IPaddr2", "IPv6addr"}


@pytest.mark.parametrize("name", ["ha", "authkeys", "haresources", "hacluster"])
def test_a_byte_order_mark_is_named_and_hides_no_other_fault(name: str) -> None:
    texts = DirectoryTexts(
        ha=FileText("ha.cf", "node alpha beta\nbcast eth0 eth1\nauto_failback on\n"),
        authkeys=FileText("authkeys", "auth 1\n1 sha1 0123456789abcdef0123\n", 0o600, 0),
        haresources=FileText("haresources", "alpha httpd\n"),
        hacluster=FileText("hacluster.cf", "seal on\n"),
    )
    file = getattr(texts, name)
    for mark, code in (("\ufeff", "byte-order-mark"), ("\udcff\udcfe", "utf-16")):
        marked = dataclasses.replace(texts, **{name: dataclasses.replace(file, text=mark + file.text)})
        checked = check_directory(marked)
        first = checked.reports[0]
        assert first.code == code
        assert first.severity is Severity.ERROR
        assert str(first.place) == f"{file.name}:1"
        if code == "byte-order-mark":
            assert len(checked.reports) == 1


def test_a_log_file_needs_its_directory() -> None:
    text = "node alpha beta\nbcast eth0 eth1\nauto_failback on\nlogfile /var/log/ha\ndebugfile /var/log/absent/debug\n"
    host = HostFacts(directories={"/var/log"})
    (report,) = parse_ha_cf(text, "ha.cf", host=host)[1]
    assert (report.code, str(report.place)) == ("no-such-directory", "ha.cf:5 (debugfile)")
    assert parse_ha_cf(text, "ha.cf")[1] == []
