"""From the directives of one section to a :class:`Virtual`: defaults, overrides, look-ups, and what contradicts itself.

Precedence: a section's own value, then the global one, then the default. The two time limits stand in for each other
(ldirectord(8), checktimeout and negotiatetimeout): a section's other limit comes before the global one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hacluster.config.findings import Findings
from hacluster.lvs.lines import Entry, Section
from hacluster.lvs.settings import (
    BY_PORT,
    PORTS,
    Application,
    Check,
    CheckType,
    DaemonStatus,
    Fallback,
    Mail,
    Real,
    Virtual,
)
from hacluster.lvs.table import Forward, Protocol, Service, ServiceId
from hacluster.lvs.targets import Names, RealTarget, VirtualTarget, read_fallback, read_real, resolve_host, resolve_port
from hacluster.lvs.values import checked_pattern

CHECK_TIMEOUT_MS: Final = 5_000
NEGOTIATE_TIMEOUT_MS: Final = 30_000
CHECK_INTERVAL_MS: Final = 10_000

_URL: Final = re.compile(r"/?(https?)://(\[[0-9A-Fa-f:.]+\]|[^/:\s]+)(?::(\d{1,5}))?(/.*)?")
_WITH_SLASH: Final = frozenset({Application.HTTP, Application.HTTPS, Application.FTP, Application.NONE})
"""Applications whose request gets a leading slash when it has none; the others use it as it is written."""


@dataclass(slots=True)
class SectionDraft:
    """A section while it is read. ``own``: its values by directive; ``inherited``: the global ones."""

    section: Section
    target: VirtualTarget | None
    inherited: dict[str, Any]
    host_name: str
    own: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    reals: list[Entry] = field(default_factory=list)
    fallback: Entry | None = None

    def get(self, name: str, default: Any) -> Any:
        """The section's value, else the global one, else ``default``."""
        return self.own.get(name, self.inherited.get(name, default))

    def line(self, name: str) -> int:
        """Where a directive stands; the section's head when it has none."""
        return self.lines.get(name, self.section.line)


def build_virtual(findings: Findings, draft: SectionDraft, names: Names) -> Virtual | None:
    """The virtual service of a section; ``None`` when its head is unusable."""
    before = len(findings.reports)
    id_ = _service_id(findings, draft, names)
    protocol = id_.protocol if id_ is not None else Protocol.TCP
    lookup = "udp" if protocol is Protocol.UDP else "tcp"
    reals = [
        target for entry in draft.reals for target in read_real(findings, entry, lookup, names, ipv6=draft.section.ipv6)
    ]
    fallback = _fallback(findings, draft, id_, lookup, names)
    if id_ is None:
        return None
    service = _service(findings, draft, id_)
    template = _check(draft, id_)
    if len(findings.reports) == before and not draft.reals:
        findings.warning("no-real", draft.section.line, f"the virtual service {id_} has no real server")
    _contradictions(findings, draft, template)
    return Virtual(
        service=service,
        reals=tuple(_unique(findings, [_real(findings, draft, target, template, names) for target in reals])),
        line=draft.section.line,
        fallback=fallback,
        fallback_command=draft.get("fallbackcommand", ""),
        quiescent=draft.get("quiescent", False),
        readd_quiescent=draft.inherited.get("readdquiescent", False),
        clean_stop=draft.get("cleanstop", True),
        failure_count=draft.get("failurecount", 1),
        mail=_mail(draft),
        monitor_file=draft.own.get("monitorfile", ""),
        name=draft.own.get("servicename", ""),
        comment=draft.own.get("comment", ""),
    )


def _service_id(findings: Findings, draft: SectionDraft, names: Names) -> ServiceId | None:
    target, section = draft.target, draft.section
    if target is None:
        return None
    if target.mark is not None:
        return ServiceId(Protocol.FWM, mark=target.mark, ipv6=section.ipv6)
    default = "udp" if target.port in {"53", "domain"} else "tcp"
    protocol = Protocol(draft.own.get("protocol", default))
    field_ = "virtual6" if section.ipv6 else "virtual"
    address = resolve_host(findings, section.line, target.host, names, ipv6=section.ipv6, field=field_)
    port = resolve_port(findings, section.line, target.port, names, protocol=protocol, field=field_)
    if address is None or port is None:
        return None
    if port == 0 and "persistent" not in draft.own:
        hint = "write persistent = SECONDS, or a port"
        findings.error("bad-port", section.line, "port 0 (all ports) needs a persistent service", hint, field_)
    return ServiceId(protocol, address, port, ipv6=section.ipv6)


def _service(findings: Findings, draft: SectionDraft, id_: ServiceId) -> Service:
    own = draft.own
    persistent = own.get("persistent")
    netmask = own.get("netmask", "") if persistent is not None else ""
    if "netmask" in own and persistent is None:
        findings.warning(
            "no-effect", draft.line("netmask"), "netmask has no effect without persistent", field="netmask"
        )
    if netmask in {"255.255.255.255", "128"}:
        netmask = ""
    ops = own.get("ops", False)
    if ops and id_.protocol is not Protocol.UDP:
        findings.warning("no-effect", draft.line("ops"), "one-packet scheduling is for udp only", field="ops")
        ops = False
    return Service(id_, own.get("scheduler", "wrr"), persistent, netmask, own.get("schedflags", ""), ops)


def _fallback(
    findings: Findings, draft: SectionDraft, id_: ServiceId | None, lookup: str, names: Names
) -> Fallback | None:
    port = id_.port if id_ is not None else 0
    found: tuple[str, int | None, Forward] | None
    if draft.fallback is not None:
        found = read_fallback(findings, draft.fallback, lookup, names, ipv6=draft.section.ipv6)
    else:
        found = draft.inherited.get("fallback6" if draft.section.ipv6 else "fallback")
    return None if found is None else Fallback(found[0], found[1] or port, found[2])


def _mail(draft: SectionDraft) -> Mail:
    return Mail(
        to=draft.get("emailalert", ()),
        sender=draft.inherited.get("emailalertfrom", ""),
        every_ms=draft.get("emailalertfreq", 0),
        when=draft.get("emailalertstatus", frozenset(DaemonStatus)),
        smtp=draft.get("smtp", ""),
    )


def _limits(draft: SectionDraft) -> tuple[int, int]:
    """Limits of plain checks and of negotiate checks in milliseconds."""
    own, inherited = draft.own, draft.inherited
    plain = (own.get("checktimeout"), own.get("negotiatetimeout"))
    shared = (inherited.get("checktimeout"), inherited.get("negotiatetimeout"))
    check = next((value for value in (*plain, *shared) if value), CHECK_TIMEOUT_MS)
    negotiate = next((value for value in (*plain[::-1], *shared[::-1]) if value), NEGOTIATE_TIMEOUT_MS)
    return check, negotiate


def _check(draft: SectionDraft, id_: ServiceId) -> Check:
    """The check of the section, before a real server's own address and request go in."""
    own = draft.own
    marked = id_.protocol is Protocol.FWM
    application = own.get("service", Application.NONE if marked else BY_PORT.get(id_.port, Application.NONE))
    type_, connects = own.get("checktype", (CheckType.NEGOTIATE, 0))
    login, password = own.get("login", ""), own.get("passwd", "")
    if application is Application.FTP:
        login, password = login or "anonymous", password or f"ldirectord@{draft.host_name}"
    elif application is Application.SIP:
        login = login or f"ldirectord@{draft.host_name}"
    limits = _limits(draft)
    external = type_ in {CheckType.EXTERNAL, CheckType.EXTERNAL_PERL}
    virtual = (str(id_.mark), 0) if marked else (id_.address, id_.port)
    return Check(
        type=type_,
        application=application,
        protocol=id_.protocol,
        address="",
        port=own.get("checkport", 0),
        server=("", 0),
        virtual=virtual if external else ("", 0),
        name=own.get("virtualhost", ""),
        request=own.get("request", ""),
        receive=own.get("receive", ""),
        method=own.get("httpmethod", "GET"),
        login=login,
        password=password,
        database=own.get("database", ""),
        secret=own.get("secret", ""),
        command=own.get("checkcommand", "/bin/true"),
        connects=connects,
        tries=draft.get("checkcount", 1),
        timeout_ms=limits[0],
        negotiate_timeout_ms=limits[1],
        interval_ms=draft.get("checkinterval", CHECK_INTERVAL_MS),
    )


def _real(findings: Findings, draft: SectionDraft, target: RealTarget, template: Check, names: Names) -> Real:
    request = template.request if target.request is None else target.request
    receive = template.receive if target.receive is None else target.receive
    entry = Entry(target.line, "real", None)
    if target.receive:
        checked_pattern(findings, entry, target.receive)
    address, port = target.address, template.port or target.port or PORTS.get(template.application, 0)
    application = template.application
    url = _URL.fullmatch(request) if application in {Application.HTTP, Application.HTTPS} else None
    if url:
        found = resolve_host(findings, target.line, url[2], names, ipv6=draft.section.ipv6, field="request")
        address = found or address
        application = Application(url[1])
        port = int(url[3]) if url[3] else PORTS[application]
        request = url[4] or "/"
    elif application in _WITH_SLASH and not request.startswith("/"):
        request = "/" + request
    if port == 0 and template.type not in {CheckType.ON, CheckType.OFF, CheckType.PING} and _asks(template):
        hint = "write checkport = N, or the real server's port"
        text = f"there is no port to check {target.address} on: it would always be down"
        findings.warning("no-port", target.line, text, hint, "real")
    check = replace(
        template,
        application=application,
        address=address,
        port=port,
        server=(target.address, target.port),
        request=request,
        receive=receive,
    )
    return Real(
        address=target.address,
        port=target.port,
        forward=target.forward,
        weight=target.weight,
        upper=target.upper,
        lower=target.lower,
        check=check,
        names=target.names,
        line=target.line,
    )


def _asks(check: Check) -> bool:
    """Whether the check speaks to a port at all."""
    external = check.type in {CheckType.EXTERNAL, CheckType.EXTERNAL_PERL}
    silent = check.type is CheckType.NEGOTIATE and check.application is Application.NONE
    return not external and not silent


def _unique(findings: Findings, reals: list[Real]) -> list[Real]:
    """Each once; the same line again says nothing new, another one contradicts it."""
    seen: dict[tuple[str, int], Real] = {}
    for real in reals:
        before = seen.setdefault((real.address, real.port), real)
        if before is real:
            continue
        text = f"the real server {real} was given in line {before.line} already"
        if replace(real, line=before.line) == before:
            findings.warning("given-again", real.line, text, "keep one of the lines", "real")
        else:
            findings.error("given-twice", real.line, text, "the table has one entry per address and port", "real")
    return list(seen.values())


def _contradictions(findings: Findings, draft: SectionDraft, check: Check) -> None:
    """What can be read, but hardly means what its author meant."""
    own = draft.own
    external = check.type in {CheckType.EXTERNAL, CheckType.EXTERNAL_PERL}
    if external and "checkcommand" not in own:
        text = "an external check without checkcommand runs /bin/true: every server is up"
        findings.warning("no-command", draft.line("checktype"), text, field="checktype")
    if "checkcommand" in own and not external:
        text = "checkcommand has no effect: the check type is not external"
        findings.warning("no-effect", draft.line("checkcommand"), text, field="checkcommand")
    negotiates = check.type in {CheckType.NEGOTIATE, CheckType.COMBINED}
    if check.type is CheckType.NEGOTIATE and check.application is Application.NONE:
        text = "nothing is checked: no service is known for this port"
        hint = "write service = …, or checktype = connect"
        findings.warning("no-check", draft.section.line, text, hint, "service")
    if check.application is Application.DNS and negotiates and not check.receive:
        hint = "write receive with the address that the answer must have"
        findings.warning("no-receive", draft.section.line, "a dns check without receive always fails", hint, "receive")
    if "checkinterval" in own and not draft.inherited.get("fork", False):
        text = "checkinterval of a section counts only with fork = yes in the original; here it counts always"
        findings.notice("checkinterval", draft.line("checkinterval"), text, field="checkinterval")
