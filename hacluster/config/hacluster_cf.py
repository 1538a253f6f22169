"""hacluster.cf: hacluster's own settings, in a file of their own so that ha.cf stays readable by Heartbeat.

Same lexical rules as ha.cf. The file may be absent; every setting has a safe default.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from hacluster.base.report import Report, has_errors
from hacluster.config import quorum
from hacluster.config.draft import (
    Draft,
    Handler,
    boolean_setting,
    enum_setting,
    note_line,
    number_setting,
    text_setting,
    time_setting,
)
from hacluster.config.facts import NO_FACTS, HostFacts
from hacluster.config.findings import Findings, in_order, nearest, shown
from hacluster.config.ha_cf import DIRECTIVES as HEARTBEAT_DIRECTIVES
from hacluster.config.lexical import Line, lex, read_time, read_word
from hacluster.config.settings import (
    OPERATIONS,
    HaclusterConfig,
    LsbStatus,
    OnStopFailure,
    OperationTimeout,
    PropagateCommand,
    Seal,
    SelfFencePolicy,
)

_HOOK_TYPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
SHORTEST_HANG_MS: Final = 1_000
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)


def on_path(name: str, *, directory: bool = False) -> Handler:
    """An absolute path; one that names a file must exist on the host, as far as it is known."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            path = value.text
            files = draft.host.files
            if not path.startswith("/"):
                text = f"{shown(path)} is not an absolute path"
                draft.findings.error("relative-path", line.number, text, "write it from /", line.directive)
            elif not directory and files is not None and path not in files:
                draft.findings.error("no-such-file", line.number, f"there is no file {shown(path)}", "", line.directive)
            else:
                draft.settings[name] = path

    return handle


def on_allow_source(draft: Draft, line: Line) -> None:
    """``allow_source ADDR...``: addresses or networks such as 10.0.0.0/24."""
    for value in line.values:
        try:
            network = ipaddress.ip_network(value.text, strict=False)
        except ValueError:
            text = f"{shown(value.text)} is not an address or network"
            hint = "names do not count here: write the number, such as 10.0.0.2 or 10.0.0.0/24"
            draft.findings.error("bad-address", line.number, text, hint, line.directive)
        else:
            single = network.prefixlen == network.max_prefixlen
            draft.add("allow_source", str(network.network_address) if single else str(network))


def on_timeout(draft: Draft, line: Line) -> None:
    """``timeout AGENT OP TIME``."""
    words = line.words
    if len(words) != 3:
        hint = f"write: timeout AGENT {'|'.join(OPERATIONS)} TIME"
        text = f"timeout needs an agent, an operation and a time, this line has {len(words)} of them"
        draft.findings.error("missing-words" if len(words) < 3 else "extra-words", line.number, text, hint)
        return
    agent, operation, time = words
    known = read_word(line, operation, draft.findings, OPERATIONS)
    timeout_ms = read_time(line, time, draft.findings, minimum_ms=100)
    if known is not None and timeout_ms is not None:
        draft.lines[f"timeout {agent}"] = line.number
        draft.add("timeouts", OperationTimeout(agent, known, timeout_ms))


def on_hook(draft: Draft, line: Line) -> None:
    """``hook TYPE /path``: what ``rc_d on`` runs for messages of TYPE. Nothing on the wire can name a program."""
    words = line.words
    findings = draft.findings
    if len(words) != 2:
        hint = "write: hook TYPE /path/of/program"
        text = f"hook needs a message type and a program, this line has {len(words)} of them"
        findings.error("missing-words" if len(words) < 2 else "extra-words", line.number, text, hint)
        return
    kind, path = words
    executables = draft.host.executables
    if not _HOOK_TYPE.fullmatch(kind):
        findings.error("bad-word", line.number, f"{shown(kind)} cannot be a message type", "such as status", "hook")
    elif not path.startswith("/"):
        findings.error("relative-path", line.number, f"{shown(path)} is not an absolute path", field="hook")
    elif executables is not None and path not in executables:
        findings.error("not-executable", line.number, f"{shown(path)} is not an executable file", field="hook")
    elif draft.lines.setdefault(f"hook {kind}", line.number) != line.number:
        findings.error("given-twice", line.number, f"there is a hook for {kind} already", "one program may call others")
    else:
        draft.add("hooks", (kind, path))


def on_socket_mode(draft: Draft, line: Line) -> None:
    """``socket_mode MODE``: octal, such as 0660."""
    for value in line.values:
        if not _MODE.fullmatch(value.text):
            text = f"{shown(value.text)} is not a mode"
            draft.findings.error("bad-mode", line.number, text, "three octal digits, such as 0660", line.directive)
            continue
        mode = int(value.text, 8)
        if mode & 0o002:
            text = f"mode {value.text} lets every user connect; apiauth of ha.cf says who is answered"
            draft.findings.warning("open-socket", line.number, text, "use 0660 and socket_group", line.directive)
        draft.settings["socket_mode"] = mode


def on_socket_group(draft: Draft, line: Line) -> None:
    """``socket_group NAME``."""
    text_setting("socket_group")(draft, line)
    groups = draft.host.groups
    for value in line.values:
        if groups is not None and not value.text.isdecimal() and value.text not in groups:
            text = f"there is no group {shown(value.text)}"
            draft.findings.error("no-such-group", line.number, text, field=line.directive)


def on_hang_timeout(draft: Draft, line: Line) -> None:
    """``hang_timeout TIME``: 0, or at least what a busy machine may need to answer."""
    time_setting("hang_timeout_ms", minimum_ms=0)(draft, line)
    if 0 < draft.settings.get("hang_timeout_ms", 0) < SHORTEST_HANG_MS:
        text = f"hang_timeout below {SHORTEST_HANG_MS} ms would end processes that are only slow"
        draft.findings.error("too-short", line.number, text, "write a longer time, or 0 for never", line.directive)


DIRECTIVES: Final[dict[str, Handler]] = {
    "seal": enum_setting("seal", Seal),
    "seal_key": on_path("seal_key"),
    "max_replay_skew": time_setting("max_replay_skew_ms", minimum_ms=0),
    "allow_source": on_allow_source,
    "start_timeout": time_setting("start_timeout_ms", minimum_ms=100),
    "stop_timeout": time_setting("stop_timeout_ms", minimum_ms=100),
    "status_timeout": time_setting("status_timeout_ms", minimum_ms=100),
    "kill_after": time_setting("kill_after_ms", minimum_ms=0),
    "timeout": on_timeout,
    "stop_retry_max": number_setting("stop_retry_max", 0, 1_000_000),
    "stop_retry_delay": time_setting("stop_retry_delay_ms"),
    "start_failure_delay": time_setting("start_failure_delay_ms", minimum_ms=0),
    "on_stop_failure": enum_setting("on_stop_failure", OnStopFailure),
    "lsb_status": enum_setting("lsb_status", LsbStatus),
    "self_fence": enum_setting("self_fence", SelfFencePolicy),
    "output_limit": number_setting("output_limit", 0, 16_777_216),
    "log_rate_limit": number_setting("log_rate_limit", 1, 100_000),
    "run_dir": on_path("run_dir", directory=True),
    "state_dir": on_path("state_dir", directory=True),
    "cib_dir": on_path("cib_dir", directory=True),
    "socket_mode": on_socket_mode,
    "socket_group": on_socket_group,
    "max_clients": number_setting("max_clients", 1, 1_000),
    "rc_d": boolean_setting("rc_d"),
    "hook": on_hook,
    "hook_timeout": time_setting("hook_timeout_ms", minimum_ms=100),
    "hang_timeout": on_hang_timeout,
    "real_time": boolean_setting("real_time"),
    "pause_notice": time_setting("pause_notice_ms"),
    "ha_propagate_command": enum_setting("propagate_command", PropagateCommand),
    **quorum.DIRECTIVES,
}
"""Every directive of hacluster.cf."""

REPEATABLE: Final = quorum.REPEATABLE | {"allow_source", "timeout", "hook"}
"""Directives whose values add up."""


def parse_hacluster_cf(
    text: str, file: str, *, host: HostFacts = NO_FACTS
) -> tuple[HaclusterConfig | None, list[Report]]:
    """The settings in ``text`` and every finding; no settings when one of the findings is an error."""
    findings = Findings(file)
    draft = Draft(findings, host, host.udpport)
    for line in lex(text, findings):
        handler = DIRECTIVES.get(line.directive)
        if handler is None:
            _unknown(findings, line)
        elif not line.values:
            findings.error("no-value", line.number, f"{line.directive} has no value", field=line.directive)
        else:
            note_line(draft, line, REPEATABLE)
            handler(draft, line)
    _finish(draft)
    reports = in_order(findings.reports)
    if has_errors(reports):
        return None, reports
    votes = quorum.built(draft)
    lists = {name: tuple(values) for name, values in draft.lists.items()}
    return HaclusterConfig(**(draft.settings | lists), quorum=votes), reports


def _unknown(findings: Findings, line: Line) -> None:
    hint = nearest(line.directive, DIRECTIVES)
    if line.directive in HEARTBEAT_DIRECTIVES:
        hint = "it belongs into ha.cf"
    findings.error("unknown-directive", line.number, f"unknown directive {shown(line.directive)}", hint)


def _finish(draft: Draft) -> None:
    findings, settings, hooks = draft.findings, draft.settings, draft.lists.get("hooks", [])
    if hooks and not settings.get("rc_d", False):
        findings.warning("hooks-off", draft.lines["hook"], "hooks are not run: rc_d is off", "write: rc_d on")
    if settings.get("rc_d", False) and not hooks:
        findings.warning("no-hooks", draft.lines["rc_d"], "rc_d is on but there is no hook", "write: hook TYPE /path")
    if settings.get("seal") is Seal.OFF and "seal_key" in settings:
        findings.warning("seal-key-unused", draft.lines["seal_key"], "seal_key has no effect: seal is off")
