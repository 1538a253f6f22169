"""What ha.cf and hacluster.cf say, typed: the values every other room works with.

Times are integers of milliseconds (``_ms``). Defaults are those of ha.cf(5) of Heartbeat 3.0.6 and, for
``HaclusterConfig``, our own safe ones. Everything here is immutable; a changed file makes a new object.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hacluster.base.limits import WATCHDOG_LEASE_MS, WATCHDOG_MARGIN_MS
from hacluster.config.media import (
    Bcast,
    Mcast,
    Mcast6,
    Medium,
    NetworkMedium,
    Ping,
    Ping6,
    PingGroup,
    PingMedium,
    Ucast,
    Ucast6,
)
from hacluster.config.quorum import PLAIN, QuorumConfig
from hacluster.config.resources import AgentClass, Group, Haresources, ResourceWord

__all__ = [
    "OPERATIONS",
    "AgentClass",
    "ApiAuth",
    "AutoFailback",
    "Bcast",
    "Client",
    "Compression",
    "GenerationMethod",
    "Group",
    "HaConfig",
    "HaclusterConfig",
    "Haresources",
    "LogConfig",
    "LsbStatus",
    "Mcast",
    "Mcast6",
    "Medium",
    "MessageFormat",
    "NetworkMedium",
    "OnStopFailure",
    "OperationTimeout",
    "PacemakerMode",
    "Ping",
    "Ping6",
    "PingGroup",
    "PingMedium",
    "PropagateCommand",
    "QuorumConfig",
    "ResourceWord",
    "Seal",
    "SelfFencePolicy",
    "StonithDevice",
    "StonithHost",
    "Ucast",
    "Ucast6",
    "UuidFrom",
]


class AutoFailback(StrEnum):
    """Whether groups go back to their preferred node; ``legacy`` is the protocol of Heartbeat before 1.2."""

    ON = "on"
    OFF = "off"
    LEGACY = "legacy"


class GenerationMethod(StrEnum):
    """Where the next heartbeat generation comes from."""

    FILE = "file"
    TIME = "time"


class UuidFrom(StrEnum):
    """Where the node's UUID comes from: ``hb_uuid`` or the node name."""

    FILE = "file"
    NODENAME = "nodename"


class MessageFormat(StrEnum):
    """``classic`` adds the inner ``auth`` field; both are sent in netstring form (section 3.2 of the wire)."""

    CLASSIC = "classic"
    NETSTRING = "netstring"


class Compression(StrEnum):
    """Compression of large messages."""

    ZLIB = "zlib"
    BZ2 = "bz2"


class PacemakerMode(StrEnum):
    """The ``pacemaker`` (or ``crm``) directive."""

    OFF = "off"
    ON = "on"
    RESPAWN = "respawn"
    MANUAL = "manual"
    CCM_ONLY = "ccm-only"
    VALGRIND = "valgrind"


@dataclass(frozen=True, slots=True)
class StonithDevice:
    """``stonith TYPE CONFIGFILE``: one device whose parameters are the first line of ``config_file``."""

    type: str
    config_file: str
    line: int


@dataclass(frozen=True, slots=True)
class StonithHost:
    """``stonith_host HOST TYPE PARAMS...``: a device usable from ``host``, or from everywhere for ``*``."""

    host: str
    type: str
    parameters: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Client:
    """``respawn`` or ``failfast``: a program run as ``user`` while the cluster runs; ``argv[0]`` is its path.

    With ``failfast`` its death is the node's death. Exit status 100 of a respawned program means: do not restart me.
    """

    user: str
    argv: tuple[str, ...]
    failfast: bool
    line: int

    @property
    def name(self) -> str:
        """The last part of the path, e.g. ``ipfail``."""
        return self.argv[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ApiAuth:
    """``apiauth CLIENT [uid=...] [gid=...]``: who may register as ``client``. Names or numbers, as written."""

    client: str
    uids: tuple[str, ...]
    gids: tuple[str, ...]


BUILTIN_APIAUTH = (
    ApiAuth("ipfail", ("hacluster",), ()),
    ApiAuth("ccm", ("hacluster",), ()),
    ApiAuth("ping", (), ("haclient",)),
    ApiAuth("lha-snmpagent", ("root",), ()),
    ApiAuth("anon", ("root",), ("haclient",)),
)
"""Heartbeat's own entries; a line of ha.cf for the same client replaces one. ``anon`` is what cl_status is."""


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Where messages go. ``facility`` is a syslog name, ``None`` for ``none`` or when not set."""

    logfile: str | None = None
    debugfile: str | None = None
    facility: str | None = None
    facility_given: bool = False
    use_logd: bool | None = None
    conn_logd_time_ms: int = 60_000
    syslog_format: bool = True
    log_badpack: bool = True
    debug: int = 0


def watchdog_s(deadtime_ms: int) -> int:
    """After how many seconds without food a watchdog is told to reset the host."""
    return max(1, -(-deadtime_ms // 1000))


@dataclass(frozen=True, slots=True)
class HaConfig:
    """ha.cf. ``nodes`` are lower-cased, in file order, and include this node.

    ``udpport`` is the host's ha-cluster/udp, or 694, when the file does not say. ``configured`` holds what was written,
    (directive, value) in file order, for :meth:`parameters`.
    """

    nodes: tuple[str, ...]
    media: tuple[Medium, ...]
    keepalive_ms: int = 1_000
    deadtime_ms: int = 30_000
    warntime_ms: int = 15_000
    initdead_ms: int = 30_000
    deadping_ms: int = 30_000
    hopfudge: int = 1
    max_rexmit_delay_ms: int = 250
    generation_method: GenerationMethod = GenerationMethod.FILE
    uuid_from: UuidFrom = UuidFrom.FILE
    udpport: int = 694
    auto_failback: AutoFailback = AutoFailback.LEGACY
    stonith: StonithDevice | None = None
    stonith_hosts: tuple[StonithHost, ...] = ()
    watchdog: str | None = None
    pacemaker: PacemakerMode = PacemakerMode.OFF
    clients: tuple[Client, ...] = ()
    apiauth: tuple[ApiAuth, ...] = BUILTIN_APIAUTH
    env: tuple[tuple[str, str], ...] = ()
    log: LogConfig = LogConfig()
    msgfmt: MessageFormat = MessageFormat.CLASSIC
    compression: Compression | None = None
    compression_threshold: int = 2
    traditional_compression: bool = False
    realtime: bool = True
    rtprio: int | None = None
    memreserve_kib: int = 6_500
    coredumps: bool = True
    coreroot: str | None = None
    cluster: str = "linux-ha"
    configured: tuple[tuple[str, str], ...] = ()

    @property
    def uses_crm(self) -> bool:
        """Whether resources are in the CIB, and not in haresources."""
        return self.pacemaker in {PacemakerMode.ON, PacemakerMode.RESPAWN}

    @property
    def ping_nodes(self) -> tuple[str, ...]:
        """Names of the ping nodes, in file order: the hosts of ``ping``/``ping6``, the names of ping groups."""
        return tuple(medium.link for medium in self.media if isinstance(medium, PingMedium))

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links towards the other nodes, without duplicates, in file order."""
        return tuple(dict.fromkeys(m.link for m in self.media if isinstance(m, NetworkMedium)))

    @property
    def ttl(self) -> int:
        """What the ``ttl`` field says: hopfudge + number of nodes, ping nodes included."""
        return self.hopfudge + len(self.nodes) + len(self.ping_nodes)

    @property
    def uses_ipfail(self) -> bool:
        """Whether a respawned client is called ipfail; the haresources machine then plays its part itself."""
        return any(client.name == "ipfail" for client in self.clients)

    def parameters(self) -> dict[str, str]:
        """What ``cl_status hbparameter -p NAME`` prints: values as written, the last one of a directive counts.

        What was not written has Heartbeat's default, computed ones included. Directives that make lists (nodes, media,
        clients) are no parameters, as in Heartbeat.
        """
        computed = {
            "warntime": f"{self.warntime_ms}ms",
            "initdead": f"{self.initdead_ms}ms",
            "deadping": f"{self.deadping_ms}ms",
            "udpport": str(self.udpport),
        }
        written = {name: value for name, value in self.configured if name not in LIST_DIRECTIVES}
        for name, alias in (("pacemaker", "crm"), ("crm", "pacemaker")):
            if name in written:
                written[alias] = written[name]
        return {**PARAMETER_DEFAULTS, **computed, **written}

    @property
    def watchdog_bound_ms(self) -> int:
        """How long after it lost quorum a node has been reset by its watchdog, at most; 0: it has none."""
        if self.watchdog is None:
            return 0
        return WATCHDOG_LEASE_MS + 1_000 * watchdog_s(self.deadtime_ms) + WATCHDOG_MARGIN_MS


LIST_DIRECTIVES = frozenset(
    {
        *("node", "bcast", "udp", "mcast", "mcast6", "ucast", "ucast6", "serial", "ping", "ping6", "ping_group"),
        *("respawn", "failfast", "apiauth", "env", "stonith", "stonith_host"),
    }
)
"""Directives that add to a list; ``hbparameter`` of 3.0.6 knows none of them."""

PARAMETER_DEFAULTS = {
    "cluster": "linux-ha",
    "hopfudge": "1",
    "keepalive": "1000ms",
    "deadtime": "30000ms",
    "baud": "19200",
    "auto_failback": "legacy",
    "hbgenmethod": "file",
    "realtime": "true",
    "msgfmt": "classic",
    "conn_logd_time": "60",
    "log_badpack": "true",
    "syslogmsgfmt": "true",
    "coredumps": "true",
    "pacemaker": "false",
    "autojoin": "none",
    "uuidfrom": "file",
    "compression": "zlib",
    "compression_threshold": "2",
    "traditional_compression": "no",
    "max_rexmit_delay": "250",
    "record_config_changes": "on",
    "record_pengine_inputs": "on",
    "enable_config_writes": "on",
    "memreserve": "6500",
    "crm": "false",
    "debug": "0",
}
"""As ``heartbeat -D`` of 3.0.6 prints them, and debug, which ``hbparameter`` knows besides."""


class Seal(StrEnum):
    """Whether datagrams are sealed: always; with every peer that has proven it can; never."""

    ON = "on"
    OFFER = "offer"
    OFF = "off"


class OnStopFailure(StrEnum):
    """What to do when a resource cannot be stopped after all retries (Heartbeat reboots at once)."""

    IGNORE = "ignore"
    STOP_CLUSTER = "stop-cluster"
    REBOOT = "reboot"


class SelfFencePolicy(StrEnum):
    """What the driver does with ``SelfFence``."""

    NONE = "none"
    REBOOT = "reboot"
    EXIT = "exit"


class PropagateCommand(StrEnum):
    """How ha_propagate copies: what it finds, or one given tool."""

    AUTO = "auto"
    SCP = "scp"
    SFTP = "sftp"
    RSYNC = "rsync"
    SSH = "ssh"


class LsbStatus(StrEnum):
    """What of a script's ``status`` decides: its text, as for Heartbeat, or its exit status, as LSB has it."""

    TEXT = "text"
    EXIT = "exit"


OPERATIONS = ("start", "stop", "status")
"""What is done to a resource."""


@dataclass(frozen=True, slots=True)
class OperationTimeout:
    """``timeout AGENT OP TIME``: for the script or OCF type ``agent`` and one of :data:`OPERATIONS`."""

    agent: str
    operation: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class HaclusterConfig:
    """hacluster.cf, our own file beside ha.cf; an absent file is this object without arguments."""

    seal: Seal = Seal.ON
    seal_key: str | None = None
    """A file in the form of authkeys whose keys seal; ``None``: those of authkeys do."""
    max_replay_skew_ms: int = 300_000
    """How far the ``ts`` of a datagram may be from our clock; 0 does not look at it."""
    allow_source: tuple[str, ...] = ()
    """Addresses or networks from which datagrams are read; empty: any."""
    start_timeout_ms: int = 120_000
    stop_timeout_ms: int = 120_000
    status_timeout_ms: int = 30_000
    kill_after_ms: int = 5_000
    """From TERM to KILL of a program that is past its timeout."""
    timeouts: tuple[OperationTimeout, ...] = ()
    stop_retry_max: int = 10
    """How often a failed stop is tried again; 0: for ever."""
    stop_retry_delay_ms: int = 1_000
    start_failure_delay_ms: int = 30_000
    """From a failed start to the hb_standby that moves the group to the peer."""
    on_stop_failure: OnStopFailure = OnStopFailure.STOP_CLUSTER
    lsb_status: LsbStatus | None = None
    """See :attr:`status_by_exit`."""
    self_fence: SelfFencePolicy = SelfFencePolicy.EXIT
    output_limit: int = 65_536
    """Bytes kept of each output of a program."""
    log_rate_limit: int = 20
    """Lines in a minute that the log has for one kind of bad datagram of one peer, and lines in ten seconds of any one
    kind (code) that one machine says; what is beyond is counted, and the count told."""
    run_dir: str = "/run/hacluster"
    state_dir: str = "/var/lib/heartbeat"
    cib_dir: str = "/var/lib/hacluster/cib"
    """Where the CIB is kept, and what came before it, with ``crm``."""
    socket_mode: int = 0o660
    socket_group: str = "haclient"
    max_clients: int = 64
    rc_d: bool = False
    hooks: tuple[tuple[str, str], ...] = ()
    """(message type, program): run for each message of the type when ``rc_d`` is on."""
    hook_timeout_ms: int = 30_000
    hang_timeout_ms: int = 30_000
    """How long a process may leave the supervisor without a sign of life before it is ended and begun anew; 0: ever."""
    real_time: bool = True
    pause_notice_ms: int | None = None
    """A gap between two looks at the clock that counts as our own sleep; ``None``: half of deadtime."""
    propagate_command: PropagateCommand = PropagateCommand.AUTO
    quorum: QuorumConfig = PLAIN

    @property
    def status_by_exit(self) -> bool:
        """Whether the exit status of a Heartbeat-class ``status`` decides.

        Without a line it does where no real Heartbeat can be a peer, for such a one goes by the text: with ``seal on``.
        """
        if self.lsb_status is None:
            return self.seal is Seal.ON
        return self.lsb_status is LsbStatus.EXIT

    def timeout_ms(self, agent: str, operation: str) -> int:
        """How long ``operation`` (one of :data:`OPERATIONS`) of ``agent`` may run; the last override given wins."""
        for override in reversed(self.timeouts):
            if (override.agent, override.operation) == (agent, operation):
                return override.timeout_ms
        general = {
            "start": self.start_timeout_ms,
            "stop": self.stop_timeout_ms,
            "status": self.status_timeout_ms,
        }
        return general[operation]

    def hook(self, message_type: str) -> str | None:
        """The program for messages of this type; ``None`` unless ``rc_d on`` and a ``hook`` line names the type."""
        return dict(self.hooks).get(message_type) if self.rc_d else None
