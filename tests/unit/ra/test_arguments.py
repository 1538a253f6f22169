"""What haresources gives becomes parameters, and the pure parts of the agents."""

import importlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


def module(name: str) -> Any:
    return importlib.import_module(f"hacluster_ra.{name}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["10.0.0.1"], {"ip": "10.0.0.1"}),
        (["10.0.0.1/24"], {"ip": "10.0.0.1", "cidr_netmask": "24"}),
        (["10.0.0.1/24/eth0"], {"ip": "10.0.0.1", "cidr_netmask": "24", "nic": "eth0"}),
        (["10.0.0.1/24/eth0:0"], {"ip": "10.0.0.1", "cidr_netmask": "24", "nic": "eth0", "iflabel": "0"}),
        (
            ["10.0.0.1/24/eth0:0/10.0.0.255"],
            {"ip": "10.0.0.1", "cidr_netmask": "24", "nic": "eth0", "iflabel": "0", "broadcast": "10.0.0.255"},
        ),
        (
            ["10.0.0.1/24/eth0/10.0.0.255"],
            {"ip": "10.0.0.1", "cidr_netmask": "24", "nic": "eth0", "broadcast": "10.0.0.255"},
        ),
        (["10.0.0.1/24/10.0.0.255"], {"ip": "10.0.0.1", "cidr_netmask": "24", "broadcast": "10.0.0.255"}),
        (["fe80", "1/64/eth0"], {"ip": "fe80::1", "cidr_netmask": "64", "nic": "eth0"}),
        (["2001:db8:0:0:0:0:0:1/64"], {"ip": "2001:db8:0:0:0:0:0:1", "cidr_netmask": "64"}),
    ],
)
def test_an_address(arguments: Sequence[str], expected: dict[str, str]) -> None:
    assert module("ipaddr").from_haresources(arguments) == (expected | {"check_duplicate": "false"}, "")


@pytest.mark.parametrize(
    ("arguments", "ip"),
    [
        ([], None),
        ([""], None),
        (["10.0.0.1/24/eth0/10.0.0.255/x"], "10.0.0.1"),
        (["10.0.0.1/24/10.0.0.255/eth0"], "10.0.0.1"),
    ],
)
def test_wrong_arguments_are_told_and_what_can_be_read_of_them_is_read(arguments: Sequence[str], ip: str) -> None:
    parameters, wrong = module("ipaddr").from_haresources(arguments)
    assert ("missing" if ip is None else "too many parts") in wrong
    assert parameters.get("ip") == ip


def test_a_file_system() -> None:
    read = module("filesystem").from_haresources
    good = {"device": "/dev/sda1", "directory": "/data1", "fstype": "ext2"}
    assert read(list(good.values())) == (good, "")
    assert read(["s:/d", "/d", "nfs", "ro"])[0] == {
        "device": "s:/d",
        "directory": "/d",
        "fstype": "nfs",
        "options": "ro",
    }
    for wrong in ([], ["/dev/x"], ["a", "b", "c", "d", "e"]):
        assert "device and directory" in read(wrong)[1]
        assert read(wrong)[0].get("device") == (wrong[0] if wrong else None)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("-Ldata1", "LABEL=data1"),
        ("-L data1", "LABEL=data1"),
        ("--label data1", "LABEL=data1"),
        ("-Uab-c", "UUID=ab-c"),
        ("--uuid=ab-c", "UUID=ab-c"),
        ("UUID=x", "UUID=x"),
    ],
)
def test_names_of_devices(given_name: str, expected: str) -> None:
    filesystem, ocf = module("filesystem"), module("ocf")
    values = ocf.Values(filesystem.AGENT.parameters, {"OCF_RESKEY_device": given_name, "OCF_RESKEY_directory": "/x"})
    assert module("mounted").device_of(values) == expected


@pytest.mark.parametrize(
    ("text", "bits", "length"),
    [
        ("0", 32, 0),
        ("24", 32, 24),
        ("255.255.0.0", 32, 16),
        ("0.0.0.0", 32, 0),
        ("255.255.255.255", 32, 32),
        ("64", 128, 64),
    ],
)
def test_netmasks(text: str, bits: int, length: int) -> None:
    assert module("whereabouts").prefix_length(text, bits) == length


@pytest.mark.parametrize(
    ("text", "bits"),
    [("33", 32), ("129", 128), ("255.0.255.0", 32), ("255.255.0.0", 128), ("", 32), ("x", 32), ("-1", 32)],
)
def test_no_netmasks(text: str, bits: int) -> None:
    with pytest.raises(ValueError, match="no netmask"):
        module("whereabouts").prefix_length(text, bits)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0"), min_size=1))
def test_mount_points_come_back_from_the_kernels_escapes(text: str) -> None:
    """show_mountinfo() of the kernel escapes blank, tab, newline and backslash as three octal digits."""
    escaped = "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in text)
    assert module("mounts").unescape(escaped) == text


def test_a_line_of_mountinfo() -> None:
    line = r"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
    mount = module("mounts").Mount(line)
    assert (mount.root, mount.directory, mount.kind, mount.source) == ("/mnt1", "/mnt 2", "ext3", "/dev/root")
    assert (mount.options, mount.super_options) == (["rw", "noatime"], ["rw", "errors=continue"])


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/srv/data/file", "/", ("7:0", "/")),
        ("/srv/data", "/", ("7:0", "/")),
        ("/srv/database", "/", ("8:1", "/")),
        ("/jail/srv/data/file", "/jail", ("7:0", "/")),
        ("/srv/data/file", "/jail", None),
    ],
)
def test_what_covers_a_path_of_another_process(path: str, root: str, expected: tuple[str, str] | None) -> None:
    lines = ("1 0 8:1 / / rw - ext4 /dev/sda1 rw", "2 1 7:0 / /srv/data rw - ext4 /dev/loop0 rw")
    table = [module("mounts").Mount(line) for line in lines]
    assert module("mounts").mounted_at(path, root, table) == expected


@pytest.mark.parametrize(
    ("path", "directory", "expected"),
    [("/a", "/a", True), ("/a/b", "/a", True), ("/ab", "/a", False), ("/", "/a", False), ("/a/b", "/a/", True)],
)
def test_below(path: str, directory: str, expected: bool) -> None:
    assert module("mounts").below(path, directory) is expected


def link(hardware: str = "020000000001") -> Any:
    return module("netlink").Link(2, "eth0", 1, 0x1043, bytes.fromhex(hardware))


def test_announcements_byte_for_byte() -> None:
    """RFC 5227 section 3 (both styles) and RFC 4861 sections 4.4 and 7.2.6; the checksum was worked out by hand."""
    request, reply = module("neighbours").announcement(link(), "192.0.2.1")
    head = "ffffffffffff 020000000001 0806 0001 0800 06 04"
    assert request == bytes.fromhex(f"{head} 0001 020000000001 c0000201 000000000000 c0000201")
    assert reply == bytes.fromhex(f"{head} 0002 020000000001 c0000201 020000000001 c0000201")
    (advert,) = module("neighbours").announcement(link(), "2001:db8::1")
    assert advert[:54] == bytes.fromhex(
        "333300000001 020000000001 86dd 60000000 0020 3a ff 20010db8000000000000000000000001"
        "ff020000000000000000000000000001"
    )
    assert advert[54:56] == b"\x88\x00"
    assert advert[58:] == bytes.fromhex("20000000 20010db8000000000000000000000001 0201 020000000001")
    pseudo = advert[22:54] + bytes([0, 0, 0, 32, 0, 0, 0, 58])
    total = sum(int.from_bytes((pseudo + advert[54:])[i : i + 2], "big") for i in range(0, 72, 2))
    assert total % 0xFFFF == 0


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_who_announces_an_address_holds_it(ip: str) -> None:
    neighbours = module("neighbours")
    other = link("020000000002")
    for frame in neighbours.announcement(other, ip):
        assert neighbours.holder(frame, link(), ip) == other.hardware
        assert neighbours.holder(frame, other, ip) is None
        assert neighbours.holder(frame, link(), "192.0.2.2") is None
        assert neighbours.holder(frame, link(), "2001:db8::2") is None
    assert neighbours.holder(neighbours.question(other, ip), link(), ip) is None


@given(st.binary(max_size=120), st.sampled_from(["192.0.2.1", "2001:db8::1"]))
def test_any_frame_can_be_looked_at(frame: bytes, ip: str) -> None:
    module("neighbours").holder(frame, link(), ip)


@given(st.binary(max_size=200))
def test_any_netlink_attributes_can_be_read(data: bytes) -> None:
    module("netlink")._attributes(data)


def test_names_of_files_are_tame() -> None:
    assert module("ocf").file_name("web:0/../x y") == "web_0_.._x_y"
