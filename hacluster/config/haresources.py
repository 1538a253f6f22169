r"""haresources: which groups of resources there are and where each is at home.

::

    line     = node 1*( blank resource )
    resource = ip-address-argument | script *( "::" argument ) | "OCF::" type "::" instance

``#`` starts a comment; a line that ends in ``\`` goes on in the next one, and nothing is put between the two.
As Heartbeat 3.0.6 reads it, with two differences: a comment on a continued line is taken away, with a warning (there,
its words become resources), and keys are compared literally and must be unique.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hacluster.base.report import Report, has_errors
from hacluster.config.agents import FRONT_ENDS, NAMELESS, OURS, FrontEnd, faults_of
from hacluster.config.facts import NO_FACTS, HostFacts
from hacluster.config.findings import Findings, in_order, nearest, shown
from hacluster.config.ip_argument import MAX_LABEL, Address, IpArgument, address_of, parse_ip_argument
from hacluster.config.lexical import physical_lines
from hacluster.config.resources import AgentClass, Group, Haresources, ResourceWord

IP_AGENTS: Final = ("IPaddr", "IPaddr2", "IPv6addr")
"""Scripts whose argument is an IP argument."""

IP_FIRST: Final = ("lvs-director",)
"""Scripts of ours whose first argument is one, with others after it."""

_WORD = re.compile(r"[^ \t\r\f\v]+")
_SHORTHAND = re.compile(r"\d[^.]*\.\d[^.]*\.\d[^.]*\.\d.*", re.ASCII | re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Logical:
    """A line after joining: words with the physical line each begins on."""

    line: int
    words: tuple[tuple[str, int], ...]


def _logical_lines(text: str, findings: Findings) -> Iterator[_Logical]:
    pieces: list[tuple[str, int]] = []
    for number, line in physical_lines(text, findings):
        said, mark, _ = line.partition("#")
        if mark and pieces:
            where = "Heartbeat 3.0.6 would read the words of this comment as resources"
            findings.warning("comment-on-continuation", number, where, "put the comment above the first line")
        if not mark and said.endswith("\\"):
            pieces.append((said[:-1], number))
            continue
        if said.rstrip().endswith("\\"):
            why = "a comment" if mark else "blanks"
            text_ = f"the backslash does not continue the line: {why} after it"
            findings.error("broken-continuation", number, text_, "the backslash must be the last character")
            said = said.rstrip()[:-1]
        pieces.append((said, number))
        yield _joined(pieces)
        pieces = []
    if pieces:
        number = pieces[-1][1]
        findings.warning("continued-at-end", number, "the last line ends in a backslash", "take it away")
        yield _joined(pieces)


def _joined(pieces: list[tuple[str, int]]) -> _Logical:
    whole = "".join(piece for piece, _ in pieces)
    words: list[tuple[str, int]] = []
    index, end = 0, len(pieces[0][0])
    for match in _WORD.finditer(whole):
        while match.start() >= end and index + 1 < len(pieces):
            index += 1
            end += len(pieces[index][0])
        words.append((match.group(), pieces[index][1]))
    return _Logical(pieces[0][1], tuple(words))


def parse_word(text: str) -> ResourceWord:
    """What one resource word means; it never fails, :func:`parse_haresources` judges the outcome."""
    if _SHORTHAND.fullmatch(text):
        return ResourceWord(text, AgentClass.HEARTBEAT, "IPaddr", _arguments(text.split("::")))
    name, *rest = text.split("::")
    arguments = _arguments(rest)
    if name == "OCF" and arguments:
        return ResourceWord(text, AgentClass.OCF, arguments[0], arguments[1:])
    return ResourceWord(text, AgentClass.HEARTBEAT, name, arguments)


def _arguments(parts: Iterable[str]) -> tuple[str, ...]:
    """Empty arguments vanish, as they do when a shell splits them."""
    return tuple(part for part in parts if part)


class _Reader:
    """Judges lines; remembers what must be unique in the file."""

    __slots__ = ("addresses", "findings", "groups", "host", "keys", "nodes")

    def __init__(self, findings: Findings, nodes: Collection[str] | None, host: HostFacts) -> None:
        self.findings = findings
        self.nodes = nodes
        self.host = host
        self.groups: list[Group] = []
        self.keys: dict[str, int] = {}
        self.addresses: dict[Address, int] = {}

    def take(self, logical: _Logical) -> None:
        (first, line), *rest = logical.words
        node = first.lower()
        if self.nodes is not None and node not in self.nodes:
            hint = nearest(node, self.nodes) or f"nodes of ha.cf: {', '.join(sorted(self.nodes)) or 'none'}"
            self.findings.error("unknown-node", line, f"{shown(first)} is not a node of ha.cf", hint)
        if not rest:
            text = f"node {shown(first)} has no resource in this line, which then means nothing"
            self.findings.warning("no-resources", line, text, "write resources after the node, or take the line away")
            return
        key, key_line = rest[0]
        if key in self.keys:
            text = f"{shown(key)} is the first resource of line {self.keys[key]} already"
            self.findings.error("duplicate-key", key_line, text, "a group is known by its first resource")
        self.keys.setdefault(key, logical.line)
        resources = tuple(self._resource(word, number) for word, number in rest)
        self.groups.append(Group(node, resources, logical.line))

    def _resource(self, text: str, line: int) -> ResourceWord:
        word = parse_word(text)
        if self._ipv6_trap(word, line):
            return word
        if word.agent is AgentClass.OCF:
            self._check_ocf(word, line)
        elif word.name == "OCF":
            hint = "write: OCF::TYPE::INSTANCE"
            self.findings.error("bad-ocf", line, f"{shown(text)} names no OCF agent", hint)
        else:
            self._check_script(word, line)
        return word

    def _ipv6_trap(self, word: ResourceWord, line: int) -> bool:
        """IPv6 addresses with ``::`` fall apart into arguments, and there is no shorthand for any."""
        text = word.text
        bare = address_of(text.partition("/")[0])
        address_text = text
        if (bare is None or bare.version != 6) and word.name in (*IP_AGENTS, *IP_FIRST):
            address_text = text.partition("::")[2]
            bare = address_of(address_text.partition("/")[0]) if "::" in address_text else None
        if bare is None or bare.version != 6:
            return False
        tail = address_text[len(address_text.partition("/")[0]) :]
        written = f"{word.name if address_text is not text else 'IPv6addr'}::{bare.exploded}{tail}"
        if address_text is text:
            problem = f"{shown(text)} is an IPv6 address, for which there is no short form"
        else:
            problem = f"the :: inside {shown(address_text)} would split the address into two arguments"
        self.findings.error("ipv6-double-colon", line, problem, f"write: {written}")
        return True

    def _check_ocf(self, word: ResourceWord, line: int) -> None:
        if len(word.arguments) != 1 or not _NAME.fullmatch(word.name) or not _NAME.fullmatch(word.arguments[0]):
            hint = "write: OCF::TYPE::INSTANCE, with the settings in conf/OCF/TYPE/INSTANCE"
            self.findings.error("bad-ocf", line, f"{shown(word.text)} is not an OCF resource", hint)
        elif self.host.ocf_agents is not None and word.name not in self.host.ocf_agents:
            text = f"there is no OCF agent {shown(word.name)} on this host"
            self.findings.warning("no-such-agent", line, text, "starting it here would fail")

    def _check_script(self, word: ResourceWord, line: int) -> None:
        if not _NAME.fullmatch(word.name):
            text = f"{shown(word.name)} cannot name a script"
            self.findings.error("bad-script-name", line, text, "a plain file name, looked up in resource.d and init.d")
            return
        if word.name in IP_AGENTS:
            self._check_ip(word, line)
        elif word.name in FRONT_ENDS:
            self._check_arguments(word, FRONT_ENDS[word.name], line)
        scripts = self.host.scripts
        if scripts is not None and word.name not in scripts:
            hint = nearest(word.name, scripts) if isinstance(scripts, Iterable) else ""
            text = f"there is no script {shown(word.name)} in resource.d or init.d of this host"
            self.findings.warning("no-such-script", line, text, hint or "starting it here would fail")

    def _check_arguments(self, word: ResourceWord, front: FrontEnd, line: int) -> None:
        """The arguments of a script of ours, or of Heartbeat's with the same ones; somebody else's is not known."""
        if not front.of_heartbeat and self._is_foreign(word):
            text = f"{word.name} is a script of this host, which comes before ours: its arguments are not known"
            hint = f"to use ours, link it into resource.d: ra/heartbeat/{word.name}"
            self.findings.notice("script-of-the-host", line, text, hint)
            return
        hint = f"write: {front.usage}"
        if len(word.arguments) > len(front.names) and not front.gathers:
            text = f"{word.name} takes {len(front.names)} arguments at most, this one has {len(word.arguments)}"
            self.findings.error("bad-arguments", line, text, hint)
        given = front.named(word.arguments)
        if word.name in IP_FIRST:
            self._check_ip(word, line)
        for name, fault in faults_of(OURS[word.name], given):
            if name == "ip" and word.name in IP_FIRST:
                continue  # judged above, with all that may follow it
            self.findings.error("bad-arguments", line, f"{name} of {shown(word.text)}: {fault}", hint)
        if word.name == "Filesystem":
            self._check_filesystem(given, word, line)

    def _is_foreign(self, word: ResourceWord) -> bool:
        """Whether somebody else's script runs: with arguments ours comes before one of init.d."""
        foreign, init = self.host.foreign_scripts, self.host.init_scripts
        if foreign is not None and word.name in foreign:
            return True
        return not word.arguments and init is not None and word.name in init

    def _check_filesystem(self, given: dict[str, str], word: ResourceWord, line: int) -> None:
        device, kind = given.get("device", ""), given.get("fstype", "")
        named = kind in NAMELESS or kind.startswith("fuse") or "=" in device or device.startswith(("-L", "-U"))
        if device and not named and "/" not in device:
            text = f"device of {shown(word.text)}: {shown(device)} is no path, no UUID=… and no server:/path"
            self.findings.warning("bad-arguments", line, text, "starting it would fail")
        known = self.host.filesystems
        if kind not in ("", "none", "auto", "bind") and known is not None and kind not in known:
            text = f"fstype of {shown(word.text)}: this host knows no file system {shown(kind)}"
            hint = nearest(kind, known) if isinstance(known, Iterable) else ""
            self.findings.warning("unknown-file-system", line, text, hint or "starting it here would fail")
        elif device.startswith("/") and not device.startswith("//") and not named and self._is_missing(device):
            text = f"device of {shown(word.text)}: there is no {shown(device)} on this host"
            hint = "starting it here would fail, unless a resource before it brings the device"
            self.findings.warning("no-such-device", line, text, hint)

    def _is_missing(self, path: str) -> bool:
        files, directories = self.host.files, self.host.directories
        return files is not None and directories is not None and path not in files and path not in directories

    def _check_ip(self, word: ResourceWord, line: int) -> None:
        syntax = "ADDRESS[/BITS[/INTERFACE[:LABEL][/BROADCAST]]]"
        if not word.arguments:
            self.findings.error("bad-address", line, f"{word.name} needs an address", f"write: {word.name}::{syntax}")
            return
        argument = parse_ip_argument(word.arguments[0])
        if isinstance(argument, str):
            self.findings.error("bad-address", line, argument, f"write: {syntax}")
            return
        self._check_place(argument, line)

    def _check_place(self, argument: IpArgument, line: int) -> None:
        address = argument.address
        if address in self.addresses:
            text = f"address {address} is used in line {self.addresses[address]} already"
            self.findings.error("duplicate-address", line, text, "two groups cannot hold one address")
        self.addresses.setdefault(address, line)
        known = self.host.interfaces
        if argument.interface is not None and known is not None and argument.interface not in known:
            hint = f"this host has: {', '.join(sorted(known)) or 'none'}"
            text = f"there is no interface {shown(argument.interface)} on this host"
            self.findings.warning("no-such-interface", line, text, hint)
        elif argument.interface is not None and argument.label:
            own = (known[argument.interface].own_name if known is not None else "") or argument.interface
            label = f"{own}:{argument.label}"
            if len(label) > MAX_LABEL and (known is not None or len(argument.interface) <= MAX_LABEL):
                text = f"the label {shown(label)} is longer than {MAX_LABEL} characters"
                if known is not None:
                    self.findings.error("bad-address", line, text, "shorten it")
                else:
                    hint = f"shorten it, unless {shown(argument.interface)} is an alternative name"
                    self.findings.warning("long-label", line, text, hint)

    def finish(self) -> None:
        """Report keys that are later words elsewhere: real Heartbeat finds groups by searching whole lines."""
        for group in self.groups:
            if self.findings.full:
                return
            for word in dict.fromkeys(group.words[1:]):
                if word in self.keys:
                    text = f"{shown(word)} is also the first resource of line {self.keys[word]}"
                    hint = "a real Heartbeat node would take both lines for one group"
                    self.findings.warning("key-reappears", group.line, text, hint)


def parse_haresources(
    text: str, file: str, *, nodes: Collection[str] | None = None, host: HostFacts = NO_FACTS
) -> tuple[Haresources | None, list[Report]]:
    """The groups in ``text`` and every finding; no groups when one of the findings is an error.

    ``nodes`` are those of ha.cf in lower case, ``None`` when ha.cf could not be read: then names are not checked.
    """
    findings = Findings(file)
    reader = _Reader(findings, nodes, host)
    for logical in _logical_lines(text, findings):
        if findings.full:
            break
        if logical.words:
            reader.take(logical)
    reader.finish()
    reports = in_order(findings.reports)
    return (None if has_errors(reports) else Haresources(tuple(reader.groups))), reports
