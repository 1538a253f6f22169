"""Reading real files of a real host."""

import os
import socket

import pytest

from hacluster.client.configdir import MAX_FILE, check_config_dir, read_file, read_texts
from hacluster.client.hostfacts import OcfAgents, Scripts, host_facts, node_name
from hacluster.config.facts import NO_FACTS


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def directory(tmp_path):
    own = os.uname().nodename
    write(tmp_path / "ha.cf", f"node {own} other.example\nucast lo 127.0.0.1\nauto_failback on\n")
    write(tmp_path / "authkeys", "auth 1\n1 sha1 0123456789abcdef0123\n", 0o600)
    write(tmp_path / "haresources", "")
    return tmp_path


def codes(checked):
    return [report.code for report in checked.reports]


def test_a_directory_of_this_host(directory):
    checked = check_config_dir(directory)
    assert checked.usable, checked.reports
    assert checked.keys.sign_with == 1


def test_permissions_of_the_keys_are_seen(directory):
    (directory / "authkeys").chmod(0o640)
    assert "bad-permissions" in codes(check_config_dir(directory))


def test_the_key_file_that_hacluster_cf_names_is_read(directory):
    keys = write(directory / "sealkeys", "auth 3\n3 sha1 fedcba9876543210fedc\n", 0o600)
    write(directory / "hacluster.cf", f"seal_key {keys}\n")
    checked = check_config_dir(directory)
    assert checked.seal_keys.sign_with == 3
    keys.chmod(0o604)
    assert "bad-permissions" in codes(check_config_dir(directory))


def test_bytes_that_are_no_text_do_no_harm(directory):
    (directory / "ha.cf").write_bytes(b"node \xff\xfe\nbcast \x00\n\x80\x81 1\n")
    checked = check_config_dir(directory, host=NO_FACTS)
    assert not checked.usable
    for report in checked.reports:
        str(report).encode()


def test_what_is_no_file_is_said(tmp_path):
    assert read_file(tmp_path / "none").text is None
    assert read_file(tmp_path / "none").problem == ""
    assert "regular" in read_file(tmp_path).problem
    os.mkfifo(tmp_path / "fifo")
    assert "regular" in read_file(tmp_path / "fifo").problem
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read" in read_file(tmp_path / "loop").problem
    write(tmp_path / "large", "#" * (MAX_FILE + 1))
    assert "more than" in read_file(tmp_path / "large").problem
    assert len(read_file(write(tmp_path / "largest", "#" * MAX_FILE)).text) == MAX_FILE


def test_an_absent_directory_has_no_files(tmp_path):
    texts = read_texts(tmp_path / "none")
    assert (texts.ha.text, texts.authkeys.text, texts.haresources.text, texts.hacluster.text) == (None,) * 4


def test_nodeinfo_names_the_node(tmp_path):
    assert node_name(tmp_path) == os.uname().nodename.lower()
    write(tmp_path / "nodeinfo", "Alpha.Example more\n")
    assert node_name(tmp_path) == "alpha.example"
    write(tmp_path / "nodeinfo", "\n")
    assert node_name(tmp_path) == os.uname().nodename.lower()


def test_scripts_are_executable_files(tmp_path):
    write(tmp_path / "a" / "run", "", 0o755)
    write(tmp_path / "b" / "data", "", 0o644)
    write(tmp_path / "b" / "sub" / "x", "", 0o755)
    scripts = Scripts((tmp_path / "a", tmp_path / "b", tmp_path / "none"))
    assert "run" in scripts
    assert not {"data", "sub", "none"} & {name for name in ("data", "sub", "none") if name in scripts}
    assert list(scripts) == ["run"]


def test_ocf_agents_of_any_provider(tmp_path):
    write(tmp_path / "heartbeat" / "db", "", 0o755)
    agents = OcfAgents((tmp_path / "none", tmp_path))
    assert "db" in agents
    assert "web" not in agents


def test_facts_of_this_host(tmp_path):
    facts = host_facts(tmp_path)
    assert set(facts.interfaces) >= {name for _, name in socket.if_nameindex()}
    assert facts.interfaces["lo"].broadcast is None
    assert "root" in facts.users
    assert "no-such-user-here" not in facts.users
    assert "x\0y" not in facts.users
    assert "root" in facts.groups
    assert "no-such-group-here" not in facts.groups
    assert "/bin/sh" in facts.executables
    assert "/etc/passwd" not in facts.executables
    assert "/etc/passwd" in facts.files
    assert "/dev/null" in facts.files
    assert "/etc" not in facts.files
    assert 1 <= facts.udpport <= 65_535
