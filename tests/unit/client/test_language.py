"""What clients may ask: every request there is, of the machine that answers it, with the right that it needs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from hacluster.client.language import CRM_REQUESTS, REQUESTS, SOCKETS, Circle, codec, right_of
from hacluster.msg import driver, haresources, lrm, membership
from hacluster.node.layout import CRM, V1
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
    assert {right.machine for right in (*REQUESTS.values(), *CRM_REQUESTS.values())} <= set(SOCKETS)
    for layout in (V1, CRM):
        # The others connect to a process at the first socket that it has.
        assert all(set(machines) & set(SOCKETS) for machines in layout.hosted.values())


def test_the_requests_of_the_resource_manager_are_known_by_their_types():
    for name, right in CRM_REQUESTS.items():
        module, _, kind = name.rpartition(".")
        assert right_of(getattr(importlib.import_module(module), kind)) == right


def test_a_command_of_v1_pays_nothing_for_the_resource_manager():
    program = "import sys, hacluster.client.connection as c; c.Conversation('x'); print('lxml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("circle", Circle)
def test_all_that_a_circle_speaks_can_travel(circle):
    codec(circle=circle).build()


def test_every_message_without_free_contents_can_travel():
    found = codec()
    frame = Frame(Kind.SEND, membership.CommUp(), to="haresources", by="heartbeat")
    assert found.decode(found.encode(frame)[4:]) == frame
