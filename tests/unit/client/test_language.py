"""What clients may ask: every request there is, of the machine that answers it, with the right that it needs."""

from __future__ import annotations

from hacluster.base.effects import MachineName
from hacluster.client.language import REQUESTS, SOCKETS, codec
from hacluster.msg import driver, haresources, lrm, membership
from hacluster.wire.ipc import Frame, Kind


def test_every_request_of_the_language_can_be_asked():
    requests = {
        value
        for module in (driver, haresources, lrm, membership)
        for value in vars(module).values()
        if isinstance(value, type) and (value.__doc__ or "").startswith("A request (")
    }
    assert len(requests) >= 9
    assert requests <= set(REQUESTS)


def test_only_questions_are_free():
    free = {type_.__name__ for type_, right in REQUESTS.items() if not right.changes}
    assert all(name.endswith("Query") for name in free)
    assert {type_.__name__ for type_ in REQUESTS if type_.__name__.endswith("Query")} == free


def test_every_machine_that_answers_has_a_socket():
    assert {right.machine for right in REQUESTS.values()} <= set(SOCKETS)
    assert set(SOCKETS) == {MachineName.HEARTBEAT, MachineName.HARESOURCES, MachineName.LRM}


def test_every_message_without_free_contents_can_travel():
    found = codec()
    frame = Frame(Kind.SEND, membership.CommUp(), to="haresources", by="heartbeat")
    assert found.decode(found.encode(frame)[4:]) == frame
