"""The rules that ``ipvsadm -S -n`` prints and ``ipvsadm -R`` takes, one a line.

A rule is a command (``-A -E -D -a -e -d``) with options in any order. What this module prints, ipvsadm(8) takes; what
ipvsadm prints, this module reads. ``-S`` leaves thresholds out (they are read from a listing), and a rule that adds a
destination with thresholds carries them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from hacluster.lvs.table import Destination, Forward, Protocol, Service, ServiceId, Table

_PROTOCOL_SWITCH: Final = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service", Protocol.FWM: "-f"}
_FORWARD_SWITCH: Final = {Forward.GATE: "-g", Forward.MASQ: "-m", Forward.IPIP: "-i"}

_COMMANDS: Final = {
    "-A": "-A",
    "--add-service": "-A",
    "-E": "-E",
    "--edit-service": "-E",
    "-D": "-D",
    "--delete-service": "-D",
    "-a": "-a",
    "--add-server": "-a",
    "-e": "-e",
    "--edit-server": "-e",
    "-d": "-d",
    "--delete-server": "-d",
}
_PROTOCOLS: Final = {
    "-t": Protocol.TCP,
    "--tcp-service": Protocol.TCP,
    "-u": Protocol.UDP,
    "--udp-service": Protocol.UDP,
    "--sctp-service": Protocol.SCTP,
    "-f": Protocol.FWM,
    "--fwmark-service": Protocol.FWM,
}
_FORWARDS: Final = {
    "-g": Forward.GATE,
    "--gatewaying": Forward.GATE,
    "-m": Forward.MASQ,
    "--masquerading": Forward.MASQ,
    "-i": Forward.IPIP,
    "--ipip": Forward.IPIP,
}
_VALUES: Final = {
    "-s": "scheduler",
    "--scheduler": "scheduler",
    "-p": "persistent",
    "--persistent": "persistent",
    "-M": "netmask",
    "--netmask": "netmask",
    "-b": "flags",
    "--sched-flags": "flags",
    "--pe": "engine",
    "-r": "server",
    "--real-server": "server",
    "-w": "weight",
    "--weight": "weight",
    "-x": "upper",
    "--u-threshold": "upper",
    "-y": "lower",
    "--l-threshold": "lower",
    "--tun-type": "tunnel",
    "--tun-port": "tunnel-port",
}
_FLAGS: Final = {"-o": "ops", "--ops": "ops", "-6": "ipv6", "--ipv6": "ipv6", "-n": "numeric", "--numeric": "numeric"}
_TUNNEL_FLAGS: Final = ("--tun-nocsum", "--tun-csum", "--tun-remcsum")

DEFAULT_PERSISTENCE: Final = 360
"""Seconds of ``-p`` without a value: what ipvsadm 1.31 sets (its manual says 300)."""


class RuleError(ValueError):
    """A line that is no rule; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One command on the table. ``destination`` is set for the three commands on servers."""

    command: str
    service: Service
    destination: Destination | None = None

    def argv(self) -> tuple[str, ...]:
        """The words that follow ``ipvsadm``."""
        words = [self.command, *_service_words(self.service.id)]
        if self.command in {"-A", "-E"}:
            words += _service_options(self.service)
        if self.destination is not None:
            words += ["-r", str(self.destination)]
            if self.command != "-d":
                words += _destination_options(self.destination)
        return tuple(words)

    def __str__(self) -> str:
        return " ".join(self.argv())


def _service_words(service: ServiceId) -> list[str]:
    words = [_PROTOCOL_SWITCH[service.protocol], str(service)]
    return [*words, "-6"] if service.ipv6 and service.protocol is Protocol.FWM else words


def _service_options(service: Service) -> list[str]:
    words = ["-s", service.scheduler]
    if service.one_packet:
        words.append("-o")
    if service.persistent is not None:
        words += ["-p", str(service.persistent)]
        if service.netmask:
            words += ["-M", service.netmask]
    if service.engine:
        words += ["--pe", service.engine]
    if service.flags:
        words += ["-b", service.flags]
    return words


def _destination_options(destination: Destination) -> list[str]:
    words = [_FORWARD_SWITCH[destination.forward], "-w", str(destination.weight)]
    if destination.upper or destination.lower:
        words += ["-x", str(destination.upper), "-y", str(destination.lower)]
    if destination.forward is Forward.IPIP:
        words += destination.tunnel.split()
    return words


def parse_rule(line: str) -> Rule:
    """The rule in ``line``; raises :class:`RuleError` when it is none."""
    try:
        words = shlex.split(line)
    except ValueError as fault:
        raise RuleError(str(fault)) from None
    command, id_, values, flags = "", None, dict[str, str](), set[str]()
    forward = Forward.GATE
    position = 0
    while position < len(words):
        word, position = words[position], position + 1
        if word in _COMMANDS:
            command = _COMMANDS[word]
        elif word in _FORWARDS:
            forward = _FORWARDS[word]
        elif word in _FLAGS:
            flags.add(_FLAGS[word])
        elif word in _TUNNEL_FLAGS:
            values["tunnel-flag"] = word
        elif word in {"-p", "--persistent"} and (position == len(words) or words[position].startswith("-")):
            values["persistent"] = str(DEFAULT_PERSISTENCE)
        elif word in _PROTOCOLS or word in _VALUES:
            if position == len(words):
                raise RuleError(f"{word} has no value")
            value, position = words[position], position + 1
            if word in _PROTOCOLS:
                id_ = _service_id(_PROTOCOLS[word], value)
            else:
                values[_VALUES[word]] = value
        else:
            raise RuleError(f"unknown word {word!r}")
    if not command or id_ is None:
        raise RuleError("a rule has a command (-A -E -D -a -e -d) and a service (-t, -u, --sctp-service or -f)")
    if id_.protocol is Protocol.FWM and "ipv6" in flags:
        id_ = replace(id_, ipv6=True)
    return Rule(command, _service(id_, values, flags), _destination(command, id_, values, forward))


def _service(id_: ServiceId, values: dict[str, str], flags: set[str]) -> Service:
    persistent = _number(values, "persistent", 0) if "persistent" in values else None
    netmask = values.get("netmask", "")
    if netmask in {"255.255.255.255", "128"}:
        netmask = ""
    scheduler = values.get("scheduler", "wlc")
    return Service(
        id_, scheduler, persistent, netmask, values.get("flags", ""), "ops" in flags, values.get("engine", "")
    )


def _destination(command: str, id_: ServiceId, values: dict[str, str], forward: Forward) -> Destination | None:
    if command not in {"-a", "-e", "-d"}:
        return None
    server = values.get("server")
    if server is None:
        raise RuleError(f"{command} needs a server (-r)")
    address, port = split_host_port(server, id_.port)
    weight = _number(values, "weight", 1)
    upper, lower = _number(values, "upper", 0), _number(values, "lower", 0)
    return Destination(address, port, forward, weight, upper, lower, _tunnel(values, forward))


def _tunnel(values: dict[str, str], forward: Forward) -> str:
    """What makes the tunnel other than plain IP-IP, in ipvsadm's own order; ``--tun-type ipip`` is the default."""
    kind = values.get("tunnel", "ipip")
    if forward is not Forward.IPIP or kind == "ipip":
        return ""
    words = ["--tun-type", kind]
    if "tunnel-port" in values:
        words += ["--tun-port", values["tunnel-port"]]
    if "tunnel-flag" in values:
        words.append(values["tunnel-flag"])
    return " ".join(words)


def _number(values: dict[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not text.isdecimal():
        raise RuleError(f"{name} is {text!r}, which is no number")
    return int(text)


def _service_id(protocol: Protocol, text: str) -> ServiceId:
    if protocol is Protocol.FWM:
        if not text.isdecimal():
            raise RuleError(f"a firewall mark is a number, not {text!r}")
        return ServiceId(protocol, mark=int(text))
    address, port = split_host_port(text, 0)
    return ServiceId(protocol, address, port, ipv6=":" in address)


def split_host_port(text: str, default: int) -> tuple[str, int]:
    """Numeric address and port of ``10.0.0.1:80``, ``[fd00::1]:80`` or either without a port."""
    if text.startswith("["):
        address, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise RuleError(f"{text!r} is no address")
        port = rest[1:]
    elif text.count(":") > 1:
        address, port = text, ""
    else:
        address, _, port = text.partition(":")
    if port and not port.isdecimal():
        raise RuleError(f"the port of {text!r} is no number")
    return address, int(port) if port else default


def parse_rules(text: str) -> tuple[Table, list[str]]:
    """The table that ``ipvsadm -S -n`` printed, and a sentence for each line that could not be read."""
    table, faults = Table(), list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            rule = parse_rule(line)
        except RuleError as fault:
            faults.append(f"line {number}: {fault}")
        else:
            perform(table, rule)
    return table, faults


def perform(table: Table, rule: Rule) -> None:
    """Do to ``table`` what the rule does to the kernel's, when the kernel takes it."""
    id_, destination = rule.service.id, rule.destination
    match rule.command:
        case "-A" | "-E":
            table.add(rule.service)
        case "-D":
            table.remove(id_)
        case "-a" | "-e":
            assert destination is not None
            if id_ not in table.services:
                table.add(Service(id_))
            table.destinations[id_][destination.address, destination.port] = destination
        case "-d":
            assert destination is not None
            table.destinations.get(id_, {}).pop((destination.address, destination.port), None)
        case _:
            raise AssertionError(rule.command)


def render(table: Table) -> str:
    """The table as rules for ``ipvsadm -R``, one a line."""
    lines: list[str] = []
    for service in table.services.values():
        lines.append(str(Rule("-A", service)))
        lines += [str(Rule("-a", service, destination)) for destination in table.of(service.id)]
    return "".join(f"{line}\n" for line in lines)


def batch(rules: Iterable[Rule]) -> str:
    """Rules as the input of one ``ipvsadm -R``."""
    return "".join(f"{rule}\n" for rule in rules)
