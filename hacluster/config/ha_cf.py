"""ha.cf: the table of its directives, and the rules that hold between them.

The behaviour is that of Heartbeat 3.0.6. A file that Heartbeat accepts is accepted, with a warning or a notice for
what has no meaning here. The exceptions: a Pacemaker cluster, a node that is named twice, and values that Heartbeat
silently changes (a port above 65,535, a number with letters behind it).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from hacluster.base.limits import MAX_NODES
from hacluster.base.report import Report, has_errors
from hacluster.config.draft import (
    Draft,
    Handler,
    boolean_setting,
    enum_setting,
    log_setting,
    no_meaning,
    note_line,
    number_setting,
    path_setting,
    text_setting,
    time_setting,
)
from hacluster.config.facts import NO_FACTS, HostFacts
from hacluster.config.findings import Findings, in_order, nearest, shown
from hacluster.config.ha_cf_clients import (
    all_apiauth,
    on_apiauth,
    on_client,
    on_env,
    on_stonith,
    on_stonith_host,
    on_watchdog,
)
from hacluster.config.ha_cf_media import (
    on_baud,
    on_bcast,
    on_hbaping,
    on_mcast,
    on_mcast6,
    on_ping,
    on_ping_group,
    on_serial,
    on_ucast,
    on_ucast6,
    on_udpport,
)
from hacluster.config.lexical import Line, lex, parse_boolean, read_boolean, read_number, read_word
from hacluster.config.settings import (
    AutoFailback,
    Compression,
    GenerationMethod,
    HaConfig,
    LogConfig,
    MessageFormat,
    NetworkMedium,
    PacemakerMode,
    UuidFrom,
)
from hacluster.wire.fields import is_node_name

MAX_NODE_NAME: Final = 64
"""Longest node name: that of a host (HOST_NAME_MAX of Linux)."""

FACILITIES: Final = (
    *("auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security", "syslog", "user", "uucp"),
    *(f"local{number}" for number in range(8)),
    "none",
)
"""What ``logfacility`` may say: the facilities of syslog(3), or none."""


def on_node(draft: Draft, line: Line) -> None:
    """``node NAME...``: lower-cased; a name given twice would be two nodes in Heartbeat's table."""
    for value in line.values:
        name = value.text.lower()
        if len(name) > MAX_NODE_NAME:
            text = f"node name {shown(name)} is longer than {MAX_NODE_NAME} characters"
            draft.findings.error("node-name-too-long", line.number, text)
        elif not is_node_name(name):
            text = f"{shown(name)} cannot name a node"
            draft.findings.error("bad-node-name", line.number, text, "letters, digits, and what else uname -n prints")
        elif name in draft.nodes:
            text = f"node {shown(name)} was given in line {draft.nodes[name]} already"
            draft.findings.error("duplicate-node", line.number, text, "name every node once")
        else:
            draft.nodes[name] = line.number


def on_auto_failback(draft: Draft, line: Line) -> None:
    """``auto_failback on|off|legacy``, on and off in any form of a boolean."""
    for value in line.values:
        if value.text.lower() == "legacy":
            draft.settings["auto_failback"] = AutoFailback.LEGACY
            continue
        on = parse_boolean(value.text)
        if on is None:
            text = f"auto_failback does not know {shown(value.text)}"
            draft.findings.error("bad-word", line.number, text, "one of: on, off, legacy", "auto_failback")
        else:
            draft.settings["auto_failback"] = AutoFailback.ON if on else AutoFailback.OFF


def on_nice_failback(draft: Draft, line: Line) -> None:
    """``nice_failback BOOL``: obsolete; on means ``auto_failback off``, off means ``auto_failback legacy``."""
    for value in line.values:
        on = read_boolean(line, value.text, draft.findings)
        if on is not None:
            mode = AutoFailback.OFF if on else AutoFailback.LEGACY
            draft.settings["auto_failback"] = mode
            text = f"nice_failback is obsolete and read as auto_failback {mode}"
            draft.findings.warning("old-directive", line.number, text, f"write: auto_failback {mode}")


def on_pacemaker(draft: Draft, line: Line) -> None:
    """``pacemaker VALUE`` and ``crm VALUE``: on and respawn are one, since a process that ends is always begun anew."""
    words = {"manual": PacemakerMode.MANUAL, "minimal": PacemakerMode.MANUAL} | {
        mode.value: mode for mode in (PacemakerMode.RESPAWN, PacemakerMode.CCM_ONLY, PacemakerMode.VALGRIND)
    }
    for value in line.values:
        on = parse_boolean(value.text)
        mode = words.get(value.text.lower()) if on is None else (PacemakerMode.ON if on else PacemakerMode.OFF)
        if mode is None:
            hint = f"one of: on, off, {', '.join(words)}"
            text = f"{line.directive} does not know {shown(value.text)}"
            draft.findings.error("bad-word", line.number, text, hint, line.directive)
        elif "pacemaker" in draft.settings:
            draft.findings.error("given-twice", line.number, "pacemaker (or crm) was given already", field="pacemaker")
        else:
            draft.settings["pacemaker"] = mode
            if mode not in (PacemakerMode.OFF, PacemakerMode.ON, PacemakerMode.RESPAWN):
                text = f"{line.directive} {value.text} is not supported: the cluster manager runs whole or not at all"
                hint = f"write {line.directive} respawn, or take the line out and use haresources"
                draft.findings.error("unsupported-directive", line.number, text, hint, line.directive)


def on_autojoin(draft: Draft, line: Line) -> None:
    """``autojoin none``; Heartbeat refuses anything else together with haresources, too."""
    for value in line.values:
        word = read_word(line, value.text, draft.findings, ("none", "other", "any"))
        if word not in (None, "none"):
            text = f"autojoin {word} is not supported"
            draft.findings.error(
                "unsupported-directive", line.number, text, "name every node in node lines", "autojoin"
            )


def on_quorum_server(draft: Draft, line: Line) -> None:
    """``quorum_server HOST``: Heartbeat's protocol with it is not spoken."""
    hint = "with crm a witness (hacluster.cf) votes; with haresources ping nodes tell a dead peer from a cut"
    draft.findings.warning("no-effect", line.number, "quorum_server has no effect", hint)


def on_use_apphbd(draft: Draft, line: Line) -> None:
    """``use_apphbd BOOL``."""
    for value in line.values:
        if read_boolean(line, value.text, draft.findings):
            hint = "use the watchdog directive"
            draft.findings.warning("no-effect", line.number, "use_apphbd is not supported and has no effect", hint)


def on_logfacility(draft: Draft, line: Line) -> None:
    """``logfacility NAME|none``: the last value counts."""
    for value in line.values:
        word = read_word(line, value.text, draft.findings, FACILITIES)
        if word is not None:
            draft.settings["facility"] = None if word == "none" else word
            draft.settings["facility_given"] = True


def on_normalpoll(draft: Draft, line: Line) -> None:
    """``normalpoll BOOL``: exists in special builds of Heartbeat only."""
    for value in line.values:
        read_boolean(line, value.text, draft.findings)
    hint = "take it out: most builds of Heartbeat refuse it"
    draft.findings.warning("no-effect", line.number, "normalpoll has no effect here", hint)


def on_max_rexmit_delay(draft: Draft, line: Line) -> None:
    """``max_rexmit_delay MS``: a plain number; Heartbeat reads ``10ms`` as 10, and so do we."""
    for value in line.values:
        number = read_number(line, value.text.removesuffix("ms"), draft.findings, 1, 999_999_999)
        if number is not None:
            draft.settings["max_rexmit_delay_ms"] = number


def on_deadping(draft: Draft, line: Line) -> None:
    """``deadping TIME``: Heartbeat applies it to the ping nodes after it only."""
    time_setting("deadping_ms")(draft, line)
    if draft.ping_nodes:
        text = "deadping stands after ping nodes; Heartbeat would use deadtime for those"
        draft.findings.warning("deadping-after-ping", line.number, text, "move deadping above them")


_PACEMAKER_ONLY = "it belongs to Pacemaker clusters"
_NOT_COMPRESSED = "messages are short and sent as they are; compressed ones are read"
_BY_SYSTEMD = "core dumps are set up outside, for example by systemd (LimitCORE)"

DIRECTIVES: Final[dict[str, Handler]] = {
    "node": on_node,
    "keepalive": time_setting("keepalive_ms"),
    "deadtime": time_setting("deadtime_ms"),
    "warntime": time_setting("warntime_ms"),
    "initdead": time_setting("initdead_ms"),
    "deadping": on_deadping,
    "hopfudge": number_setting("hopfudge", 0, 255),
    "hbgenmethod": enum_setting("generation_method", GenerationMethod),
    "uuidfrom": enum_setting("uuid_from", UuidFrom),
    "autojoin": on_autojoin,
    "cluster": text_setting("cluster"),
    "quorum_server": on_quorum_server,
    "max_rexmit_delay": on_max_rexmit_delay,
    "udpport": on_udpport,
    "bcast": on_bcast,
    "udp": on_bcast,
    "mcast": on_mcast,
    "mcast6": on_mcast6,
    "ucast": on_ucast,
    "ucast6": on_ucast6,
    "serial": on_serial,
    "baud": on_baud,
    "ping": on_ping,
    "ping6": on_ping,
    "ping_group": on_ping_group,
    "hbaping": on_hbaping,
    "auto_failback": on_auto_failback,
    "nice_failback": on_nice_failback,
    "stonith": on_stonith,
    "stonith_host": on_stonith_host,
    "watchdog": on_watchdog,
    "pacemaker": on_pacemaker,
    "crm": on_pacemaker,
    "crm_daemon_dir": no_meaning(_PACEMAKER_ONLY),
    "crmd_spawns_pengine": no_meaning(_PACEMAKER_ONLY, check=boolean_setting("pacemaker_only")),
    "record_config_changes": no_meaning(_PACEMAKER_ONLY, check=boolean_setting("pacemaker_only")),
    "record_pengine_inputs": no_meaning(_PACEMAKER_ONLY, check=boolean_setting("pacemaker_only")),
    "enable_config_writes": no_meaning(_PACEMAKER_ONLY, check=boolean_setting("pacemaker_only")),
    "respawn": on_client,
    "failfast": on_client,
    "apiauth": on_apiauth,
    "env": on_env,
    "use_apphbd": on_use_apphbd,
    "use_logd": no_meaning("messages go to syslog without a daemon between", check=boolean_setting("use_logd")),
    "conn_logd_time": no_meaning("logd is not used", check=time_setting("conn_logd_time_ms")),
    "logfile": log_setting("logfile"),
    "debugfile": log_setting("debugfile"),
    "logfacility": on_logfacility,
    "syslogmsgfmt": boolean_setting("syslog_format"),
    "log_badpack": boolean_setting("log_badpack"),
    "debug": number_setting("debug", 0, 255),
    "msgfmt": enum_setting("msgfmt", MessageFormat),
    "compression": no_meaning(_NOT_COMPRESSED, check=enum_setting("compression", Compression)),
    "compression_threshold": no_meaning(_NOT_COMPRESSED, check=number_setting("compression_threshold", 1, 999_999)),
    "traditional_compression": no_meaning(_NOT_COMPRESSED, check=boolean_setting("traditional_compression")),
    "realtime": boolean_setting("realtime"),
    "rtprio": number_setting("rtprio", 1, 99),
    "memreserve": no_meaning("memory is locked as it is", check=number_setting("memreserve_kib", 0, 999_999_999)),
    "coredumps": no_meaning(_BY_SYSTEMD, check=boolean_setting("coredumps")),
    "coreroot": no_meaning(_BY_SYSTEMD, check=path_setting("coreroot")),
    "normalpoll": on_normalpoll,
}
"""Every directive of ha.cf(5) of Heartbeat 3.0.6."""

WHOLE_LINE: Final = frozenset(
    {"mcast", "mcast6", "ucast", "ucast6", "ping_group", "stonith", "stonith_host", "apiauth", "respawn", "failfast"}
)
"""Directives that take the rest of their line as one value; they report themselves what is missing."""

REPEATABLE: Final = WHOLE_LINE | {
    *("node", "bcast", "udp", "serial", "ping", "ping6", "hbaping", "env", "udpport", "deadping"),
    *("baud", "watchdog", "pacemaker", "crm"),
}
"""Directives whose values add up, or count for what follows, or of which a second one is an error that they report."""

MEDIA: Final = ("bcast", "udp", "mcast", "mcast6", "ucast", "ucast6")
"""Directives that make a medium for heartbeats, or else report an error."""

_LOG_FIELDS = tuple(field.name for field in fields(LogConfig))

_FORGOTTEN = ("baud", "pacemaker_only")
"""Settings of a draft that were only checked."""


def parse_ha_cf(text: str, file: str, *, host: HostFacts = NO_FACTS) -> tuple[HaConfig | None, list[Report]]:
    """The settings in ``text`` and every finding, by line; no settings when one of the findings is an error.

    ``file`` is the name that the reports show.
    """
    findings = Findings(file)
    draft = Draft(findings, host, host.udpport)
    for line in lex(text, findings):
        _read_line(draft, line)
    _finish(draft)
    reports = in_order(findings.reports)
    return (None if has_errors(reports) else _built(draft)), reports


def nodes_of(text: str) -> tuple[str, ...] | None:
    """The nodes of a file whatever else is wrong with it, so that haresources can be judged; ``None`` for none."""
    lines = lex(text, Findings(""))
    names = (word.text.lower() for line in lines if line.directive == "node" for word in line.values)
    return tuple(dict.fromkeys(names)) or None


def asks_for_crm(text: str) -> bool:
    """Whether a file wants a resource manager, whatever else is wrong with it."""
    lines = [line for line in lex(text, Findings("")) if line.directive in ("crm", "pacemaker")]
    return any(word.text.lower() == "respawn" or parse_boolean(word.text) for line in lines for word in line.values)


def _read_line(draft: Draft, line: Line) -> None:
    handler = DIRECTIVES.get(line.directive)
    if handler is None:
        hint = nearest(line.directive, DIRECTIVES)
        draft.findings.error("unknown-directive", line.number, f"unknown directive {shown(line.directive)}", hint)
        return
    if line.values or line.directive in WHOLE_LINE:
        note_line(draft, line, REPEATABLE)
    if line.directive in WHOLE_LINE:
        draft.configured.append((line.directive, " ".join(line.words)))
    elif not line.values:
        text = f"{line.directive} has no value and no effect"
        draft.findings.warning("no-value", line.number, text, field=line.directive)
        return
    else:
        draft.configured.extend((line.directive, value.text) for value in line.values)
    handler(draft, line)


def _finish(draft: Draft) -> None:
    """What can be said only when the whole file has been read."""
    _check_nodes(draft)
    _check_times(draft)
    findings, settings = draft.findings, draft.settings
    if not any(isinstance(medium, NetworkMedium) for medium in draft.media) and draft.lines.keys().isdisjoint(MEDIA):
        hint = "add a medium, for example: bcast eth0"
        findings.error("no-media", None, "there is no medium to send heartbeats over", hint)
    if settings.get("pacemaker", PacemakerMode.OFF) is not PacemakerMode.OFF:
        _check_crm(draft)
    elif "auto_failback" not in settings:
        hint = "write auto_failback on or auto_failback off"
        text = "auto_failback is not given: the old protocol of auto_failback legacy is used"
        findings.warning("no-auto-failback", None, text, hint)
    elif settings["auto_failback"] is AutoFailback.LEGACY:
        text = "auto_failback legacy knows no hb_standby, hb_takeover and ipfail"
        line = draft.lines.get("auto_failback", draft.lines.get("nice_failback"))
        findings.warning("legacy-failback", line, text, "use on or off, the same on all nodes")
    logs = ("logfile", "debugfile", "facility_given")
    if settings.get("use_logd") is False and not any(name in settings for name in logs):
        text = "use_logd is off and there is no logfile, debugfile or logfacility: nothing would be logged"
        findings.error("no-log", draft.lines["use_logd"], text, "write: logfacility daemon")


def _check_crm(draft: Draft) -> None:
    """What is haresources' alone; resources and their ways back are in the CIB."""
    for name in ("auto_failback", "nice_failback"):
        if name in draft.lines:
            hint = "resource-stickiness in the CIB says whether resources go back"
            draft.findings.notice("no-effect", draft.lines[name], f"{name} has no effect with crm", hint)
    clients = [client for client in draft.lists.get("clients", ()) if client.name == "ipfail"]
    for client in clients:
        hint = "use the resource agent ping and a rule, or quorum_pings in hacluster.cf"
        draft.findings.warning("no-effect", client.line, "ipfail has no effect with crm", hint)


def _check_nodes(draft: Draft) -> None:
    findings, nodes = draft.findings, draft.nodes
    own = draft.host.node_name
    if not nodes:
        findings.error("no-nodes", None, "there is no node", "write a node line with the names of all nodes")
    elif own is not None and own.lower() not in nodes:
        text = f"this host, {shown(own.lower())}, is not among the nodes: {', '.join(map(shown, list(nodes)[:5]))}"
        hint = "node names are what uname -n prints on each host, or what nodeinfo says"
        findings.error("not-a-member", max(nodes.values()), text, hint)
    if len(nodes) + len(draft.ping_nodes) > MAX_NODES:
        findings.error("too-many-nodes", None, f"there are more than {MAX_NODES} nodes, ping nodes included")
    for name, number in draft.ping_nodes.items():
        if name.lower() in nodes:
            text = f"{shown(name)} is a node and a ping node"
            findings.error("ping-node-is-node", number, text, "ping something outside the cluster, such as the router")


def _check_times(draft: Draft) -> None:
    """Fill in the defaults that depend on other times, then hold all of them against each other."""
    findings, settings, lines = draft.findings, draft.settings, draft.lines
    keepalive = settings.setdefault("keepalive_ms", 1_000)
    deadtime = settings.setdefault("deadtime_ms", 30_000)
    if deadtime <= 2 * keepalive:
        text = f"deadtime {deadtime} ms is not more than twice keepalive {keepalive} ms"
        line = lines.get("deadtime", lines.get("keepalive"))
        findings.error("deadtime-too-short", line, text, f"at least {2 * keepalive + 1}ms, better {10 * keepalive}ms")
    warntime = settings.setdefault("warntime_ms", deadtime // 2)
    if warntime >= deadtime or warntime <= keepalive:
        text = f"warntime {warntime} ms is not between keepalive {keepalive} ms and deadtime {deadtime} ms"
        if "warntime" in lines:
            findings.warning("warntime-useless", lines["warntime"], text, "half of deadtime is usual")
    deadping = settings.setdefault("deadping_ms", deadtime)
    if "deadping" in lines and deadping <= 2 * keepalive:
        text = f"deadping {deadping} ms is not more than twice keepalive {keepalive} ms"
        findings.error("deadping-too-short", lines["deadping"], text, f"at least {2 * keepalive + 1}ms")
    if "initdead_ms" not in settings:
        settings["initdead_ms"] = default_initdead_ms(deadtime)
    elif settings["initdead_ms"] < deadtime:
        text = f"initdead {settings['initdead_ms']} ms is less than deadtime {deadtime} ms"
        findings.error("initdead-too-short", lines["initdead"], text, f"at least {deadtime}ms")
    elif settings["initdead_ms"] < 10_000:
        text = f"initdead {settings['initdead_ms']} ms is less than 10 s: a network that comes up late looks dead"
        findings.warning("initdead-short", lines["initdead"], text)


def default_initdead_ms(deadtime_ms: int) -> int:
    """Heartbeat's initdead when none is given."""
    if deadtime_ms > 10_000:
        return deadtime_ms
    return 12_000 if deadtime_ms < 6_000 else 2 * deadtime_ms


def _built(draft: Draft) -> HaConfig:
    settings = {name: value for name, value in draft.settings.items() if name not in _FORGOTTEN}
    log = LogConfig(**{name: settings.pop(name) for name in _LOG_FIELDS if name in settings})
    return HaConfig(
        nodes=tuple(draft.nodes),
        media=tuple(draft.media),
        stonith_hosts=tuple(draft.lists.get("stonith_hosts", ())),
        clients=tuple(draft.lists.get("clients", ())),
        env=tuple(draft.lists.get("env", ())),
        apiauth=all_apiauth(draft),
        log=log,
        configured=tuple(draft.configured),
        **({"udpport": draft.host.udpport} | settings),
    )
