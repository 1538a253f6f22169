"""ha_propagate: the right files, their modes, a result for each node, and no key anywhere."""

from __future__ import annotations

import json
import os
import stat

import pytest

from hacluster.tools.ha_propagate import main

SECRET = "a-long-and-secret-key-0123456789"

FAKE_SSH = """#!/bin/sh
echo "ssh $*" >> {log}
for last; do :; done
host=; while [ $# -gt 1 ]; do case $1 in -o) shift;; --) host=$2; break;; esac; shift; done
case $host in *gamma) echo "ssh: connect to host gamma port 22: No route to host" >&2; exit 255;; esac
cd {root}/${{host#*@}} && sh -c "$(printf %s "$last" | sed s,{config},.,g)"
"""
FAKE_SCP = """#!/bin/sh
echo "scp $*" >> {log}
for last; do :; done
host=${{last%%:*}}
while [ $# -gt 1 ]; do case $1 in {config}/*) cp -p $1 {root}/${{host#*@}}/;; esac; shift; done
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A configuration for three nodes, other nodes that are directories, and carriers that copy into them."""
    config = tmp_path / "ha.d"
    config.mkdir()
    own = os.uname().nodename.lower()
    nodes = f"node {own} beta gamma\n"
    (config / "ha.cf").write_text(f"{nodes}ucast lo 127.0.0.1\nauto_failback on\nkeepalive 1\ndeadtime 10\n")
    (config / "authkeys").write_text(f"auth 1\n1 sha1 {SECRET}\n")
    (config / "authkeys").chmod(0o600)
    (config / "haresources").write_text("beta 10.9.9.9\n")
    for node in ("beta", "gamma"):
        (tmp_path / "nodes" / node).mkdir(parents=True)
    programs = tmp_path / "bin"
    programs.mkdir()

    def install(name, text):
        values = {"log": tmp_path / "log", "root": tmp_path / "nodes", "config": config}
        (programs / name).write_text(text.format(**values))
        (programs / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setattr("shutil.which", lambda name: str(programs / name) if (programs / name).exists() else None)
    return tmp_path, install


def test_ssh_copies_with_modes_and_says_what_failed(place, capsys):
    tmp_path, install = place
    install("ssh", FAKE_SSH)
    assert main(["-C", str(tmp_path / "ha.d")]) == 1
    captured = capsys.readouterr()
    assert captured.out == "beta: copied ha.cf, authkeys\n"
    assert captured.err == "gamma: ssh: connect to host gamma port 22: No route to host\n"
    beta = tmp_path / "nodes/beta"
    assert sorted(os.listdir(beta)) == ["authkeys", "ha.cf"]
    assert SECRET in (beta / "authkeys").read_text()
    assert stat.S_IMODE((beta / "authkeys").stat().st_mode) == 0o600
    assert stat.S_IMODE((beta / "ha.cf").stat().st_mode) == 0o644
    assert SECRET not in (tmp_path / "log").read_text() + captured.out + captured.err


def test_all_copies_the_others_too(place, capsys):
    tmp_path, install = place
    install("scp", FAKE_SCP)
    (tmp_path / "ha.d/hacluster.cf").write_text("seal off\n")
    assert main(["--all", "-C", str(tmp_path / "ha.d"), "--output-as=json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["carrier"] == "scp"
    assert data["node"] == [{"name": node, "ok": True, "fault": ""} for node in ("beta", "gamma")]
    assert sorted(os.listdir(tmp_path / "nodes/gamma")) == ["authkeys", "ha.cf", "hacluster.cf", "haresources"]
    assert stat.S_IMODE((tmp_path / "nodes/gamma/authkeys").stat().st_mode) == 0o600


def test_a_broken_configuration_is_not_spread(place, capsys):
    tmp_path, install = place
    install("scp", FAKE_SCP)
    (tmp_path / "ha.d/ha.cf").write_text("bogus\n")
    assert main(["-C", str(tmp_path / "ha.d")]) == 6
    assert "nothing was copied" in capsys.readouterr().err
    assert not (tmp_path / "log").exists()


def test_a_host_without_any_carrier_is_told(place, capsys):
    tmp_path, _ = place
    assert main(["-C", str(tmp_path / "ha.d")]) == 1
    assert "install openssh-client" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--frob"], ["somewhere"], ["--command", "pigeon"], ["-C"]])
def test_wrong_arguments(words, capsys):
    assert main(words) == 1
    assert "usage: ha_propagate" in capsys.readouterr().err


def test_the_name_in_nodeinfo_is_our_own(place, capsys):
    tmp_path, install = place
    install("ssh", FAKE_SSH)
    (tmp_path / "ha.d" / "nodeinfo").write_text("Gamma\n")
    config = (tmp_path / "ha.d" / "ha.cf").read_text()
    (tmp_path / "ha.d" / "ha.cf").write_text(config.replace(f"node {os.uname().nodename.lower()} ", "node "))
    assert main(["-C", str(tmp_path / "ha.d")]) == 0
    assert capsys.readouterr().out == "beta: copied ha.cf, authkeys\n"
