"""The files that ``crm cluster`` writes, and the invitation by which a node gets them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hacluster.client.configdir import check_config_dir
from hacluster.client.invitation import InvitationError, Inviting, Token, join
from hacluster.config.facts import HostFacts, InterfaceFacts
from hacluster.crmsh import clusterfiles as files
from hacluster.crmsh.levels.cluster_nodes import write_files


def test_the_first_files_have_no_faults(tmp_path: Path) -> None:
    texts = files.first_files("n1", ["bcast eth0", "bcast eth1"], "site")
    write_files(texts, tmp_path)
    host = HostFacts(node_name="n1", interfaces={name: InterfaceFacts("10.0.0.255") for name in ("eth0", "eth1")})
    checked = check_config_dir(tmp_path, host=host)
    assert [str(report) for report in checked.reports if report.severity.name in {"ERROR", "CRIT"}] == []
    assert checked.ha is not None
    assert (checked.ha.nodes, checked.ha.uses_crm) == (("n1",), True)
    assert (tmp_path / "authkeys").stat().st_mode & 0o777 == 0o600
    assert texts["authkeys"] != files.first_files("n1", [])["authkeys"], "each cluster has a key of its own"


def test_nodes_come_and_go_and_the_rest_of_the_file_stays() -> None:
    text = "# mine\nnode n1 # first\nnode N2\nbcast eth0\ndeadtime 5\n"
    more = files.with_node(text, "n3")
    assert more == "# mine\nnode n1 # first\nnode N2 n3\nbcast eth0\ndeadtime 5\n"
    assert files.with_node(more, "n3") == more
    assert files.nodes_of(more) == ["n1", "n2", "n3"]
    assert files.without_node(more, "n1") == "# mine\nnode N2 n3\nbcast eth0\ndeadtime 5\n"
    assert files.nodes_of(files.without_node(more, "n2")) == ["n1", "n3"]
    assert files.with_interfaces("bcast eth0\nbcast eth1\ncrm on\n", ["ens3"]) == "bcast ens3\ncrm on\n"
    assert files.interfaces_of("bcast eth0 eth1\nmcast eth2 225.0.0.1 694 1 0\n") == ["eth0", "eth1", "eth2"]


class _Inviter(threading.Thread):
    def __init__(self, refuse: str = "") -> None:
        super().__init__()
        self.inviting = Inviting("127.0.0.1", 0)
        self.refuse, self.seen, self.end = refuse, [], ""

    def run(self) -> None:
        def offer(node: str, away_ms: int) -> dict:
            self.seen.append((node, away_ms))
            if self.refuse:
                raise InvitationError(self.refuse)
            return {"files": {"ha.cf": "node a"}, "networks": {}}

        try:
            self.end = self.inviting.serve(20, offer, lambda node, said: {"added": said["written"]})
        except InvitationError as error:
            self.end = str(error)
        finally:
            self.inviting.close()


def test_who_has_the_token_gets_the_files_once() -> None:
    inviter = _Inviter()
    token = Token.read(f" {inviter.inviting.token}\n")
    inviter.start()
    given = []
    answer = join(token, "b", lambda words: given.append(words) or {})
    inviter.join()
    assert answer == {"added": True}
    assert given[0]["files"] == {"ha.cf": "node a"}
    assert inviter.end == "b"
    assert inviter.seen[0][0] == "b"
    assert abs(inviter.seen[0][1]) < 20_000
    with pytest.raises(InvitationError, match="cannot be reached"):
        join(token, "c", lambda _words: {})


def test_who_has_not_gets_nothing_and_ends_it() -> None:
    inviter = _Inviter()
    inviter.start()
    wrong = replace(inviter.inviting.token, secret=bytes(16))
    for _ in range(3):
        with pytest.raises(InvitationError, match="not the token that was shown"):
            join(wrong, "b", lambda _words: {})
    inviter.join()
    assert "worth nothing" in inviter.end
    assert inviter.seen == []


def test_the_joining_node_knows_whom_it_speaks_to() -> None:
    inviter = _Inviter()
    inviter.start()
    other = replace(inviter.inviting.token, digest=bytes(32))
    with pytest.raises(InvitationError, match="not the node that made this token"):
        join(other, "b", lambda _words: {})
    assert join(inviter.inviting.token, "b", lambda _words: {}) == {"added": True}
    inviter.join()


def test_a_refusal_reaches_the_other_end() -> None:
    inviter = _Inviter("the clocks are 7 s apart")
    inviter.start()
    with pytest.raises(InvitationError, match="7 s apart"):
        join(inviter.inviting.token, "b", lambda _words: {})

    def picky(_words: object) -> dict:
        raise InvitationError("no network")

    inviter.refuse = ""
    with pytest.raises(InvitationError, match="no network"):
        join(inviter.inviting.token, "b", picky)
    assert join(inviter.inviting.token, "b", lambda _words: {}) == {"added": True}
    inviter.join()


@pytest.mark.parametrize("text", ["", "hacluster1-", "hacluster1-AAAA", "something", "hacluster1-%%%"])
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvitationError, match="no token"):
        Token.read(text)
