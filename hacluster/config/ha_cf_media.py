"""The directives of ha.cf that make a medium, and those for media that hacluster does not have.

A medium takes the port that ``udpport`` had set before its line, as in Heartbeat.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from hacluster.base.limits import MAX_MEDIA
from hacluster.config.draft import Draft
from hacluster.config.findings import shown
from hacluster.config.lexical import Line, read_number
from hacluster.config.media import Bcast, Mcast, Mcast6, Medium, Ping, Ping6, PingGroup, Ucast, Ucast6

MAX_TTL: Final = 4
"""Highest TTL or hop limit of multicast that Heartbeat accepts."""

_BAUD_RATES = ("9600", "19200", "38400", "57600", "115200", "230400", "460800")


def _add(draft: Draft, line: Line, medium: Medium) -> None:
    if medium in draft.media:
        text = f"the same medium was given before: {shown(' '.join((line.directive, *line.words)))}"
        draft.findings.warning("duplicate-medium", line.number, text, "the second one is ignored")
        return
    if len(draft.media) < MAX_MEDIA:
        draft.media.append(medium)
    elif "media" not in draft.lines:
        draft.lines["media"] = line.number
        draft.findings.error("too-many-media", line.number, f"there are more than {MAX_MEDIA} media")


def _interface(draft: Draft, line: Line, name: str, *, broadcast: bool = False, multicast: bool = False) -> None:
    """Report what is wrong with interface ``name``, as far as the host is known."""
    known = draft.host.interfaces
    if known is None:
        return
    if name not in known:
        hint = f"this host has: {', '.join(sorted(known)) or 'none'}"
        draft.findings.error("no-such-interface", line.number, f"there is no interface {shown(name)}", hint)
    elif broadcast and known[name].broadcast is None:
        text = f"interface {shown(name)} has no broadcast address"
        draft.findings.error(
            "no-broadcast-address", line.number, text, "give it an IPv4 address, or use mcast or ucast"
        )
    elif multicast and not known[name].multicast:
        text = f"interface {shown(name)} cannot do multicast"
        draft.findings.warning("no-multicast", line.number, text, "use bcast or ucast")


def _few_or_many(draft: Draft, line: Line, syntax: str) -> tuple[str, ...] | None:
    """The words of the line if there are enough for ``syntax``; surplus ones are reported and cut off."""
    wanted = len(syntax.split())
    words = line.words
    if len(words) < wanted:
        text = f"{line.directive} needs {wanted} words, this line has {len(words)}"
        draft.findings.error("missing-words", line.number, text, f"write: {line.directive} {syntax}")
        return None
    if len(words) > wanted:
        text = f"{line.directive} ignores everything after its {wanted} words: {shown(' '.join(words[wanted:]))}"
        draft.findings.warning("extra-words", line.number, text, f"one medium a line: {line.directive} {syntax}")
    return words[:wanted]


def on_bcast(draft: Draft, line: Line) -> None:
    """``bcast IF...``; ``udp`` is its old name."""
    if line.directive == "udp":
        hint = "write bcast; newer programs do not know udp"
        draft.findings.warning("old-directive", line.number, "udp is the old name of bcast", hint)
    for value in line.values:
        _interface(draft, line, value.text, broadcast=True)
        _add(draft, line, Bcast(value.text, draft.port))


def _is_group(text: str, version: int) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == version and address.is_multicast


def _multicast(draft: Draft, line: Line, version: int) -> tuple[str, str, int, int, bool] | None:
    words = _few_or_many(draft, line, "IF GROUP PORT TTL LOOP" if version == 4 else "IF GROUP PORT HOPS LOOP")
    if words is None:
        return None
    interface, group, port_text, ttl_text, loop_text = words
    _interface(draft, line, interface, multicast=True)
    if not _is_group(group, version):
        hint = "such as 225.0.0.1" if version == 4 else "such as ff02::694"
        text = f"{shown(group)} is not an IPv{version} multicast address"
        draft.findings.error("bad-multicast-group", line.number, text, hint)
        return None
    before = len(draft.findings.reports)
    port = read_number(line, port_text, draft.findings, 1, 65_535, name="the port")
    ttl = read_number(line, ttl_text, draft.findings, 0, MAX_TTL, name="the TTL" if version == 4 else "the hop limit")
    loop = read_number(line, loop_text, draft.findings, 0, 1, name="LOOP")
    if port is None or ttl is None or loop is None:
        assert len(draft.findings.reports) > before or draft.findings.full
        return None
    return interface, group, port, ttl, bool(loop)


def on_mcast(draft: Draft, line: Line) -> None:
    """``mcast IF GROUP PORT TTL LOOP``, LOOP 0 or 1."""
    found = _multicast(draft, line, 4)
    if found is not None:
        _add(draft, line, Mcast(*found))


def on_mcast6(draft: Draft, line: Line) -> None:
    """``mcast6 IF GROUP PORT HOPS LOOP``."""
    found = _multicast(draft, line, 6)
    if found is not None:
        _add(draft, line, Mcast6(*found))


def _address_version(text: str) -> int | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).version
    except ValueError:
        return None


def _unicast(draft: Draft, line: Line, version: int, other: str) -> tuple[str, str] | None:
    words = _few_or_many(draft, line, "IF HOST")
    if words is None:
        return None
    interface, host = words
    _interface(draft, line, interface)
    if _address_version(host) not in (None, version):
        text = f"{shown(host)} is not an IPv{version} address"
        draft.findings.error("wrong-address-family", line.number, text, f"use {other} for it")
        return None
    return interface, host


def on_ucast(draft: Draft, line: Line) -> None:
    """``ucast IF HOST``."""
    found = _unicast(draft, line, 4, "ucast6")
    if found is not None:
        _add(draft, line, Ucast(*found, draft.port))


def on_ucast6(draft: Draft, line: Line) -> None:
    """``ucast6 IF HOST``."""
    found = _unicast(draft, line, 6, "ucast")
    if found is not None:
        _add(draft, line, Ucast6(*found, draft.port))


def _ping_node(draft: Draft, line: Line, name: str) -> bool:
    """Take the ping node's name; false when it is taken already."""
    if name in draft.ping_nodes:
        text = f"ping node {shown(name)} was given in line {draft.ping_nodes[name]} already"
        draft.findings.warning("duplicate-ping-node", line.number, text, "the second one is ignored")
        return False
    draft.ping_nodes[name] = line.number
    return True


def on_ping(draft: Draft, line: Line) -> None:
    """``ping HOST...`` and ``ping6 HOST...``."""
    version, other = (6, "ping") if line.directive == "ping6" else (4, "ping6")
    for value in line.values:
        if _address_version(value.text) not in (None, version):
            text = f"{shown(value.text)} is not an IPv{version} address"
            draft.findings.error("wrong-address-family", line.number, text, f"use {other} for it")
        elif _ping_node(draft, line, value.text):
            _add(draft, line, Ping6(value.text) if version == 6 else Ping(value.text))


def on_ping_group(draft: Draft, line: Line) -> None:
    """``ping_group NAME HOST...``."""
    words = line.words
    if len(words) < 2:
        hint = "write: ping_group NAME HOST..."
        draft.findings.error("missing-words", line.number, "ping_group needs a name and at least one host", hint)
    elif _ping_node(draft, line, words[0]):
        _add(draft, line, PingGroup(words[0], words[1:]))


def on_udpport(draft: Draft, line: Line) -> None:
    """``udpport N``: for the media in the lines that follow."""
    for value in line.values:
        port = read_number(line, value.text, draft.findings, 1, 65_535)
        if port is None:
            continue
        draft.port = draft.settings["udpport"] = port
        late = [m for m in draft.media if isinstance(m, Bcast | Ucast | Ucast6) and m.port != port]
        if late:
            text = f"udpport stands after {len(late)} of the media, which keep port {late[0].port}"
            draft.findings.warning("udpport-after-media", line.number, text, "move udpport above them")


def on_serial(draft: Draft, line: Line) -> None:
    """``serial DEV...``: not supported; the other media carry on without it."""
    hint = "use a second network instead, for example bcast or ucast on another interface"
    for value in line.values:
        text = f"serial links are not supported: {shown(value.text)} is not used"
        draft.findings.warning("unsupported-medium", line.number, text, hint)


def on_baud(draft: Draft, line: Line) -> None:
    """``baud N``, once: checked and forgotten."""
    for value in line.values:
        if "baud" in draft.settings:
            draft.findings.error("given-twice", line.number, "baud was given already", field="baud")
        draft.settings["baud"] = value.text
        if value.text not in _BAUD_RATES:
            hint = f"one of: {', '.join(_BAUD_RATES)}"
            draft.findings.error("bad-word", line.number, f"{shown(value.text)} is not a baud rate", hint, "baud")
    draft.findings.notice("no-effect", line.number, "baud has no effect here: serial links are not supported")


def on_hbaping(draft: Draft, line: Line) -> None:
    """``hbaping CARD``: fibre channel; Heartbeat itself has it only in special builds."""
    hint = "use ping, ping6 or ping_group"
    draft.findings.error("unsupported-directive", line.number, "hbaping (fibre channel) is not supported", hint)
