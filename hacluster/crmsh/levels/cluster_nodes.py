"""Nodes come and go: a cluster begins, invites one more, and lets one go. Local files stay the truth."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hacluster.base.errors import HaError
from hacluster.base.report import Severity
from hacluster.client.configdir import DEFAULT_DIR, check_config_dir
from hacluster.crmsh import clusterfiles as files
from hacluster.crmsh import remote
from hacluster.crmsh.level import Refused
from hacluster.crmsh.remote import Said
from hacluster.crmsh.session import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hacluster.cib.voters import Voters
    from hacluster.client.invitation import Words
    from hacluster.crmsh.session import Session

INVITATION_S: Final = 600
CLOCKS_MS: Final = 2_000
"""How far the clocks of two nodes may be apart: rules, records and time-outs go by them."""
MEMBER_S: Final = 120
"""How long a node that was let in may take to be a member."""
UNIT: Final = "hacluster.service"

plain = name_of


def _options(words: Sequence[str], valued: str, flags: Sequence[str] = ()) -> tuple[dict[str, list[str]], list[str]]:
    """Options of a verb: those with values (``-i eth0``), flags, and the other words."""
    found: dict[str, list[str]] = {}
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in flags:
            found[word] = []
        elif len(word) == 2 and word[0] == "-" and word[1] in valued:
            if not left:
                raise Refused(f"{word} needs a value")
            found.setdefault(word, []).append(left.pop(0))
        elif word.startswith("-"):
            raise Refused(f"{word} is not known here")
        else:
            rest.append(word)
    return found, rest


# the host -----------------------------------------------------------------------------------------------------------


def networks() -> dict[str, list[str]]:
    """The IPv4 networks of each interface of this host, but for the loopback's."""
    import json  # noqa: PLC0415

    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise Refused("the program ip (iproute2) is needed to see this host's networks")
    done = subprocess.run([program, "-j", "-4", "addr", "show", "up"], capture_output=True, timeout=20, check=False)
    found: dict[str, list[str]] = {}
    for link in json.loads(done.stdout or b"[]"):
        if "LOOPBACK" in link.get("flags", []):
            continue
        for address in link.get("addr_info", []):
            network = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}").network
            found.setdefault(link["ifname"], []).append(str(network))
    return found


def _media(wanted: Sequence[str]) -> list[str]:
    known = networks()
    wrong = [name for name in wanted if name not in known]
    if wrong:
        raise Refused(f"{', '.join(wrong)}: no interface that is up and has an address; there are: {' '.join(known)}")
    if not known:
        raise Refused("no interface of this host is up and has an address")
    return list(wanted) or list(known)


def service(node: str, verb: str) -> Said:
    """Start, stop, … the daemon of a node: by systemd where it runs and has the unit, else by itself."""
    systemd = f"[ -d /run/systemd/system ] && systemctl cat {UNIT} >/dev/null 2>&1"
    if verb in {"enable", "disable"}:
        return remote.shell_on(node, f"{systemd} && exec systemctl {verb} {UNIT}; echo no systemd unit >&2; exit 1")
    # Nothing of it may hold the connection open: who asks waits for its end.
    start = "setsid hacluster run </dev/null >/dev/null 2>&1 &"
    alone = {"start": f"if ! hacluster status >/dev/null 2>&1; then {start}\nfi", "stop": "hacluster stop"}
    alone["restart"] = f"if hacluster stop; then {start}\nelse exit 1; fi"
    return remote.shell_on(
        node, f"{remote.path_of_ours()}; if {systemd}; then systemctl {verb} {UNIT}; else {alone[verb]}\nfi"
    )


def _runs() -> bool:
    from hacluster.client.rundir import run_dir, state_dir  # noqa: PLC0415
    from hacluster.daemon import pidfile  # noqa: PLC0415  only who joins asks

    return pidfile.running(run_dir(), state_dir()) is not None


def write_files(texts: Mapping[str, str], directory: Path) -> None:
    """Write files of the configuration, whole or not at all, each with the mode that it must have."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        beside = directory / f".{name}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), files.mode_of(name))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(directory / name)


def _checked(texts: Mapping[str, str]) -> list[str]:
    """What is wrong with files before they are where they belong."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="hacluster-") as name:
        place = Path(name)
        write_files(texts, place)
        if (DEFAULT_DIR / "nodeinfo").exists():
            shutil.copy(DEFAULT_DIR / "nodeinfo", place / "nodeinfo")
        reports = check_config_dir(place).reports
    return [str(one).replace(name, str(DEFAULT_DIR)) for one in reports if one.severity <= Severity.ERROR]


def _put(session: Session, texts: Mapping[str, str]) -> None:
    faults = _checked(texts)
    if faults:
        for fault in faults:
            session.voice.error(fault)
        raise Refused("nothing is written: these files would not do")
    write_files(texts, DEFAULT_DIR)
    session.voice.info(f"written: {', '.join(str(DEFAULT_DIR / name) for name in texts)}")


def _begin(session: Session, options: Mapping[str, list[str]]) -> bool:
    from hacluster.crmsh.levels.cluster import STARTUP_S, started  # noqa: PLC0415  it has this module's verbs

    if "--no-start" in options:
        return True
    said = service(remote.own_name(), "start")
    if not said.good:
        raise Refused(f"the daemon could not be started: {said.fault or said.err or said.status}")
    started(session, STARTUP_S)
    session.voice.info("the cluster answers")
    return True


def _taken(texts: Mapping[str, str]) -> list[str]:
    return [name for name in texts if (DEFAULT_DIR / name).exists()]


# verbs --------------------------------------------------------------------------------------------------------------


def init(session: Session, words: list[str]) -> bool:
    """Make a cluster of this node."""
    options, rest = _options(words, "ni", ("--plan", "--no-start", "-y"))
    if rest:
        raise Refused(f"{rest[0]}: init takes options only")
    own = remote.own_name()
    cluster = plain(options.get("-n", ["hacluster"])[-1])
    texts = files.first_files(own, [f"bcast {name}" for name in _media(options.get("-i", []))], cluster)
    if "--plan" in options:
        for name, text in texts.items():
            shown = text if name != "authkeys" else "auth 1\n1 sha1 ****** (made when it is written)\n"
            session.voice.out(f"# {DEFAULT_DIR / name}\n{shown}")
        session.status = 2
        return True
    taken = _taken(texts)
    if taken and not session.force:
        raise Refused(f"{DEFAULT_DIR} has {', '.join(taken)} already; --force writes them anew")
    _put(session, texts)
    done = _begin(session, options)
    session.voice.info("others join: crm cluster invite shows a token for each")
    return done


def _address_for(given: Sequence[str]) -> str:
    if given:
        return given[-1]
    import json  # noqa: PLC0415

    text = _read("ha.cf")
    wanted = files.interfaces_of(text)
    done = subprocess.run(["ip", "-j", "-4", "addr", "show", "up"], capture_output=True, timeout=20, check=False)
    links = {link["ifname"]: link for link in json.loads(done.stdout or b"[]")}
    for name in wanted:
        for address in links.get(name, {}).get("addr_info", []):
            return str(address["local"])
    raise Refused("no interface of ha.cf has an address; say where the new node reaches this one: -a ADDRESS")


def _read(name: str) -> str:
    try:
        return (DEFAULT_DIR / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        raise Refused(f"{DEFAULT_DIR / name}: {error}") from None


def invite(session: Session, words: list[str]) -> bool:
    """Let one node join."""
    from hacluster.client.invitation import PORT, InvitationError, Inviting  # noqa: PLC0415  loads TLS

    options, rest = _options(words, "ap")
    if len(rest) > 1 or not all(word.isdecimal() for word in [*rest, *options.get("-p", [])]):
        raise Refused("write: invite [-a ADDRESS] [-p PORT] [SECONDS]")
    members(session)
    if not files.nodes_of(_read("ha.cf")) or files.is_unicast(_read("ha.cf")):
        raise Refused("ha.cf must name the nodes and have bcast or mcast media; with ucast write the files by hand")
    inviting = Inviting(_address_for(options.get("-a", [])), int(options.get("-p", [str(PORT)])[-1]))
    try:
        session.voice.info("on the new node, say:")
        session.voice.out(f"crm cluster join {inviting.token}")
        session.voice.flush()
        name = inviting.serve(float(rest[0] if rest else INVITATION_S), _offer, _let_in)
    except InvitationError as error:
        raise Refused(str(error)) from None
    finally:
        inviting.close()
    session.voice.info(f"{name} has the files; it becomes a member when its daemon runs")
    _give_vote(session, name)
    others = [node for node in remote.configured_nodes() if node not in {name, remote.own_name()}]
    if others:
        session.voice.info(
            f"ha.cf of {', '.join(others)} does not name {name} yet: crm cluster copy {DEFAULT_DIR}/ha.cf"
        )
    return True


def _offer(node: str, away_ms: int) -> Words:
    """What a node of this name is given, if it may join."""
    from hacluster.client.invitation import InvitationError  # noqa: PLC0415
    from hacluster.wire.fields import is_node_name  # noqa: PLC0415

    if not is_node_name(node):
        raise InvitationError(f"{node!r} cannot be the name of a node")
    view = _view()
    if view.view is not None and node in view.view.names:
        raise InvitationError(f"{node} is a member already: each node needs a name of its own")
    if abs(away_ms) > CLOCKS_MS:
        raise InvitationError(f"the clocks are {abs(away_ms) / 1000:.1f} s apart; set them (NTP) and try again")
    text = files.with_node(_read("ha.cf"), node)
    given = {"ha.cf": text, "authkeys": _read("authkeys"), "hacluster.cf": _read("hacluster.cf")}
    known = networks()
    wanted = {name: known.get(name, []) for name in files.interfaces_of(text)}
    return {"files": {name: body for name, body in given.items() if body}, "networks": wanted}


def _let_in(node: str, _said: Words) -> Words:
    """The node has written the files: the cluster and this node's file learn of it."""
    from hacluster.client.cluster import Cluster  # noqa: PLC0415
    from hacluster.client.errors import RefusedError  # noqa: PLC0415
    from hacluster.client.invitation import InvitationError  # noqa: PLC0415
    from hacluster.client.rundir import run_dir  # noqa: PLC0415

    try:
        with Cluster(run_dir(), name="crm") as cluster:
            cluster.change_nodes((node,), add=True)
    except RefusedError as error:
        if error.refused.code != "known-node":
            raise InvitationError(str(error)) from None
    except HaError as error:
        raise InvitationError(str(error)) from None
    write_files({"ha.cf": files.with_node(_read("ha.cf"), node)}, DEFAULT_DIR)
    return {"added": True}


def join(session: Session, words: list[str]) -> bool:
    """Bring this node into a cluster."""
    from hacluster.client.invitation import InvitationError, Token  # noqa: PLC0415  loads TLS
    from hacluster.client.invitation import join as joined  # noqa: PLC0415

    options, rest = _options(words, "i", ("--no-start", "-y"))
    if len(rest) != 1:
        raise Refused("write: join [-i INTERFACE]… TOKEN; crm cluster invite shows the token on a node of the cluster")
    if _runs():
        raise Refused("the daemon of this node runs: it is in a cluster already")
    taken = [name for name in ("ha.cf", "authkeys") if (DEFAULT_DIR / name).exists()]
    if taken and not session.force:
        raise Refused(f"{DEFAULT_DIR} has {', '.join(taken)} already; --force writes them anew")

    def write(given: Words) -> Words:
        texts = _fitting(given, options.get("-i", []))
        try:
            _put(session, texts)
        except Refused as refused:
            raise InvitationError(f"{remote.own_name()}: {refused}") from None
        return {}

    try:
        joined(Token.read(rest[0]), remote.own_name(), write)
    except InvitationError as error:
        raise Refused(str(error)) from None
    return _begin(session, options)


def _fitting(given: Words, wanted: Sequence[str]) -> dict[str, str]:
    """The files for this host: the interfaces must lead to the same networks, and the clocks agree."""
    from hacluster.client.invitation import InvitationError  # noqa: PLC0415

    away_ms = abs(int(given.get("unix_ms", 0)) - time.time_ns() // 1_000_000)
    if away_ms > CLOCKS_MS:
        raise InvitationError(f"the clocks are {away_ms / 1000:.1f} s apart; set them (NTP) and try again")
    texts = {str(name): str(text) for name, text in dict(given.get("files", {})).items()}
    if set(texts) - {"ha.cf", "authkeys", "hacluster.cf"} or not {"ha.cf", "authkeys"} <= set(texts):
        raise InvitationError("these are not the files of a cluster")
    here = networks()
    theirs: dict[str, Any] = dict(given.get("networks", {}))
    if wanted:
        found = [name for name in wanted if name in here]
    else:
        found = [name for nets in theirs.values() for name in here if set(here[name]) & set(nets)]
    if len(found) < max(1, len(wanted), 0 if wanted else len(theirs)):
        there = ", ".join(f"{name} ({' '.join(nets)})" for name, nets in theirs.items())
        mine = ", ".join(f"{name} ({' '.join(nets)})" for name, nets in here.items())
        raise InvitationError(
            f"this host has not all networks of the cluster: there {there}, here {mine}; -i says which"
        )
    texts["ha.cf"] = files.with_interfaces(texts["ha.cf"], list(dict.fromkeys(found)))
    return texts


# members and votes --------------------------------------------------------------------------------------------------


def _view() -> Any:
    from hacluster.client.live import daemon_here  # noqa: PLC0415
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

    return daemon_here("crm").ask(ViewQuery(), ViewStatus)


def members(session: Session) -> set[str]:
    """The nodes in this node's view; raises :class:`Refused` without a cluster that works."""
    if session.shadow or session.environment.get("CIB_file"):
        raise Refused("this is about the running cluster, not about a file")
    found = _view()
    if found.view is None or not found.synced or not found.view.quorate:
        raise Refused("there is no cluster with quorum here; start it first")
    return set(found.view.names)


def _becomes(name: str, *, member: bool) -> bool:
    """Whether a node is a member of a view that works here (or is not), in time; while views change nobody knows."""
    until = time.monotonic() + MEMBER_S
    while time.monotonic() < until:
        found = _view()
        works = found.view is not None and found.synced and found.view.quorate
        if works and (name in found.view.names) is member:
            return True
        time.sleep(0.2)
    return False


def _give_vote(session: Session, name: str) -> None:
    if not _becomes(name, member=True):
        session.voice.warning(f"{name} is no member yet and has no vote; look there, then crm cluster invite again")
        return
    voters = _view().voters
    _set_voters({**dict(voters.votes), name: dict(voters.votes).get(name) or 1}, voters)
    root = session.read()
    if not any(node.get("uname") == name for node in root.iterfind("configuration/nodes/node")):
        ids = [
            int(node.get("id", "0"))
            for node in root.iterfind("configuration/nodes/node")
            if node.get("id", "").isdecimal()
        ]
        session.tool(f'cibadmin -C -o nodes -X \'<node id="{max(ids, default=0) + 1}" uname="{name}"/>\'')
        session.renew()
    session.voice.info(f"{name} is a member and has a vote")


def _set_voters(votes: Mapping[str, int], before: Voters) -> None:
    from hacluster.client.live import daemon_here  # noqa: PLC0415
    from hacluster.msg.replica import SetVoters, WriteEnd, Written  # noqa: PLC0415

    two = len(votes) == 2 and all(count == 1 for count in votes.values())
    special = before.witness or before.auto_tie_breaker or before.tie_breaker or before.expected
    after = replace(before, votes=tuple(sorted(votes.items())), two_node=before.two_node if special else two)
    answer = daemon_here("crm").ask(SetVoters(after.show()), Written)
    if answer.end is not WriteEnd.COMMITTED:
        raise Refused(f"the votes could not be changed to {after.show()}: {answer.text or answer.end}")


def remove(session: Session, words: list[str]) -> bool:
    """Take a node out of the cluster."""
    from hacluster.client.cluster import Cluster  # noqa: PLC0415
    from hacluster.client.rundir import run_dir  # noqa: PLC0415

    name = plain(words[0]).lower()
    own = remote.own_name()
    if name == own:
        raise Refused("a node is removed from another one: it cannot change what the others keep")
    present = members(session)
    voters = _view().voters
    known = {*files.nodes_of(_read("ha.cf")), *voters.names, *session.nodes()}
    if name not in known:
        raise Refused(f"there is no node {name}; nodes: {' '.join(sorted(known))}")
    if name in present:
        if not session.force and not session.ask(f"Stop {name} and take it out of the cluster?"):
            raise Refused(f"{name} runs: crm --force stops it by ssh, or say hacluster stop there first")
        said = service(name, "stop")
        if not said.good:
            raise Refused(
                f"{name} could not be stopped by ssh ({said.fault or said.err}); say hacluster stop there first"
            )
        if not _becomes(name, member=False):
            raise Refused(f"{name} is still a member, or there is no quorum without it")
    if name in voters.names:
        _set_voters({node: count for node, count in voters.votes if node != name}, voters)
    try:
        with Cluster(run_dir(), name="crm") as cluster:
            cluster.change_nodes((name,), add=False)
    except HaError as error:
        session.voice.warning(f"the heartbeat says: {error}")
    for section, tag in (("nodes", "node"), ("status", "node_state")):
        session.tool(f"cibadmin -D -o {section} -X '<{tag} uname=\"{name}\"/>'")
    session.renew()
    text = _read("ha.cf")
    if name in files.nodes_of(text):
        write_files({"ha.cf": files.without_node(text, name)}, DEFAULT_DIR)
    others = [node for node in remote.configured_nodes() if node != own]
    session.voice.info(f"{name} is out of the cluster")
    if others:
        session.voice.info(f"ha.cf of {', '.join(others)} still names {name}: crm cluster copy {DEFAULT_DIR}/ha.cf")
    return True
