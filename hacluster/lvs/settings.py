"""What ldirectord.cf says, as values: every default is in place, every name is resolved, nothing is looked up later.

Times are milliseconds. The file's own words are kept for enumerations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hacluster.lvs.table import Forward, Protocol, Service, host_port


class CheckType(StrEnum):
    """How a real server is looked at; COMBINED is a number in the file: that many connects, then one negotiate."""

    CONNECT = "connect"
    NEGOTIATE = "negotiate"
    PING = "ping"
    EXTERNAL = "external"
    EXTERNAL_PERL = "external-perl"
    ON = "on"
    OFF = "off"
    COMBINED = "combined"


class Application(StrEnum):
    """What a negotiate check speaks (``service`` of the file)."""

    DNS = "dns"
    FTP = "ftp"
    HTTP = "http"
    HTTPS = "https"
    HTTP_PROXY = "http_proxy"
    IMAP = "imap"
    IMAPS = "imaps"
    LDAP = "ldap"
    LDAPS = "ldaps"
    MYSQL = "mysql"
    NNTP = "nntp"
    NONE = "none"
    ORACLE = "oracle"
    PGSQL = "pgsql"
    POP = "pop"
    POPS = "pops"
    RADIUS = "radius"
    SIMPLETCP = "simpletcp"
    SIP = "sip"
    SMTP = "smtp"
    SUBMISSION = "submission"


PORTS: Final = {
    Application.FTP: 21,
    Application.SMTP: 25,
    Application.DNS: 53,
    Application.HTTP: 80,
    Application.POP: 110,
    Application.NNTP: 119,
    Application.IMAP: 143,
    Application.LDAP: 389,
    Application.HTTPS: 443,
    Application.SUBMISSION: 587,
    Application.LDAPS: 636,
    Application.IMAPS: 993,
    Application.POPS: 995,
    Application.ORACLE: 1521,
    Application.RADIUS: 1812,
    Application.HTTP_PROXY: 3128,
    Application.MYSQL: 3306,
    Application.SIP: 5060,
    Application.PGSQL: 5432,
}
"""The port that each application has when neither ``checkport`` nor the real server names one."""

BY_PORT: Final = {port: application for application, port in PORTS.items()}
"""The application of a virtual service that names none, by its port; any other is ``none``."""


class DaemonStatus(StrEnum):
    """In which state of the daemon mail is sent (``emailalertstatus``)."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RELOADING = "reloading"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. Two virtual services with equal checks share one look.

    ``address`` and ``port`` are what is asked, which a ``request`` of the form ``http://host/…`` may move elsewhere.
    ``virtual`` is address and port as external commands get them: the mark and 0 for a firewall mark. ``name`` is the
    Host header and the name sent by SNI; empty for the address. ``receive`` is a Perl regular expression, empty for
    anything. ``secret`` words never appear in logs.
    """

    type: CheckType
    application: Application
    protocol: Protocol
    address: str
    port: int
    server: tuple[str, int]
    virtual: tuple[str, int] = ("", 0)
    name: str = ""
    request: str = "/"
    receive: str = ""
    method: str = "GET"
    login: str = ""
    password: str = ""
    database: str = ""
    secret: str = ""
    command: str = "/bin/true"
    connects: int = 0
    tries: int = 1
    timeout_ms: int = 5_000
    negotiate_timeout_ms: int = 30_000
    interval_ms: int = 10_000
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Keep the hash: checks are the keys of everything that happens a thousand times a second."""
        own = (self.type, self.application, self.server, self.address, self.port, self.request, self.virtual, self.name)
        object.__setattr__(self, "_hash", hash(own))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        what = self.application if self.type in {CheckType.NEGOTIATE, CheckType.COMBINED} else self.type
        return f"{what} {host_port(self.address, self.port)}"

    def __repr__(self) -> str:
        """Without its secrets: it may end up in a log or a traceback."""
        return f"<Check {self}>"


@dataclass(frozen=True, slots=True)
class Real:
    """A real server of one virtual service. ``weight`` is what it has while it is up."""

    address: str
    port: int
    forward: Forward
    weight: int
    upper: int
    lower: int
    check: Check
    names: frozenset[str] = frozenset()
    line: int = 0

    def __str__(self) -> str:
        return host_port(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The server that serves while no real server is up; ``port`` is that of the virtual unless one was given."""

    address: str
    port: int
    forward: Forward = Forward.GATE

    def __str__(self) -> str:
        return host_port(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Mail:
    """Alerts of one virtual service. ``every_ms`` 0 means once per change; ``smtp`` empty the local mailer."""

    to: tuple[str, ...] = ()
    sender: str = ""
    every_ms: int = 0
    when: frozenset[DaemonStatus] = frozenset(DaemonStatus)
    smtp: str = ""


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual service with everything that the file says of it, overrides and defaults settled."""

    service: Service
    reals: tuple[Real, ...]
    line: int
    fallback: Fallback | None = None
    fallback_command: str = ""
    quiescent: bool = False
    readd_quiescent: bool = False
    clean_stop: bool = True
    failure_count: int = 1
    mail: Mail = Mail()
    monitor_file: str = ""
    name: str = ""
    comment: str = ""

    def __str__(self) -> str:
        return str(self.service.id)


@dataclass(frozen=True, slots=True)
class DirectorSettings:
    """A whole ldirectord.cf. ``log`` is a path or, without a leading slash, a syslog facility."""

    virtuals: tuple[Virtual, ...] = ()
    check_interval_ms: int = 10_000
    auto_reload: bool = False
    callback: str = ""
    log: str = "/var/log/ldirectord.log"
    execute: tuple[str, ...] = ()
    supervised: bool = False
    fork: bool = False
    maintenance_dir: str = ""
