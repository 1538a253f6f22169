"""The local sockets: who may ask what, and what becomes of those who do not behave."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hacluster.base.effects import Reply
from hacluster.base.errors import HaError
from hacluster.base.limits import MAX_FRAME
from hacluster.client.language import codec
from hacluster.config.settings import ApiAuth
from hacluster.daemon.ipc import MAX_FRAMES, MAX_PENDING, MAX_STRANGERS, RESERVED, LocalServer
from hacluster.daemon.signon import SignOn
from hacluster.daemon.stream import MAX_GREETING, MAX_REQUEST
from hacluster.msg.driver import Refused, Request, RequesterGone
from hacluster.msg.haresources import Hold, ResourcesQuery, StandbyRequest
from hacluster.msg.lrm import OpsQuery
from hacluster.msg.membership import CommUp, MembershipQuery, ParameterQuery, ParameterValue
from hacluster.wire.ipc import Frame, Hello, Kind, Splitter, Subscribe, Welcome
from tests.conftest import skip_or_fail

CODEC = codec()


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class RawClient:
    """A client that may send anything."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.splitter, self.frames = Splitter(), []

    @classmethod
    async def connect(cls, path):
        return cls(*await asyncio.open_unix_connection(path))

    def send(self, frame):
        self.writer.write(CODEC.encode(frame))

    def hello(self, **fields):
        self.send(Frame(Kind.HELLO, Hello("test", **fields)))

    async def frame(self):
        """The next frame, or None when the other end hung up."""
        async with asyncio.timeout(30):
            while not self.frames:
                try:
                    data = await self.reader.read(65_536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self.frames += [CODEC.decode(payload) for payload in self.splitter.feed(data)]
        return self.frames.pop(0)


def serve(test, tmp_path, host, sayings, **options):
    """Run an async test against a server."""

    async def live():
        server = LocalServer(CODEC, host, sayings, **options)
        path = str(tmp_path / "s.sock")
        await server.listen(path)
        try:
            await test(server, path)
        finally:
            await server.close()
        assert not os.path.exists(path)

    asyncio.run(live())


def test_a_request_is_answered_under_its_own_number(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        client.send(Frame(Kind.REQUEST, ParameterQuery("keepalive"), id=41))
        welcome = await client.frame()
        assert isinstance(welcome.body, Welcome)
        assert welcome.body.machines == host.machines
        await until(lambda: host.requests)
        ((machine, request),) = host.requests
        assert (machine, request.body, request.peer.uid) == ("heartbeat", ParameterQuery("keepalive"), os.geteuid())
        assert (request.peer.pid, request.peer.name) == (os.getpid(), "test")
        server.reply(Reply(request.request_id, ParameterValue("keepalive", "1"), last=False))
        server.reply(Reply(request.request_id, ParameterValue("keepalive", "2")))
        first, second = await client.frame(), await client.frame()
        assert (first.id, first.last, first.body.value) == (41, False, "1")
        assert (second.id, second.last, second.body.value) == (41, True, "2")
        server.reply(Reply(request.request_id, ParameterValue("keepalive", "3")))

    serve(test, tmp_path, host, sayings)


def test_a_client_that_hangs_up_is_told_to_the_machine(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        client.send(Frame(Kind.REQUEST, ResourcesQuery(), id=1))
        await until(lambda: host.requests)
        client.writer.close()
        await until(lambda: len(host.requests) == 2)
        (_, request), (machine, gone) = host.requests
        assert (machine, gone) == ("haresources", RequesterGone(request.request_id))
        server.reply(Reply(request.request_id, Refused("x", "too late")))

    serve(test, tmp_path, host, sayings)


def test_what_is_not_asked_here_is_refused(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        client.send(Frame(Kind.REQUEST, OpsQuery(), id=1))
        client.send(Frame(Kind.REQUEST, CommUp(), id=2))
        await client.frame()
        for _ in range(2):
            assert (await client.frame()).body.code == "unknown-request"
        assert host.requests == []

    serve(test, tmp_path, host, sayings)


def test_strangers_may_look_but_not_touch(host, sayings):
    if os.geteuid() != 0:
        skip_or_fail("needs root to become somebody else")

    async def test(server, path):
        script = f"""
import os
from hacluster.client import connection, language
from hacluster.msg.haresources import Hold, StandbyRequest
from hacluster.msg.membership import ParameterQuery
connection.SOCKETS = {{machine: "s.sock" for machine in language.SOCKETS}}
# Only now: a stranger may not even read the interpreter's library.
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with connection.Connection({os.path.dirname(path)!r}, name="stranger") as link:
    print(link.ask(StandbyRequest(Hold.ALL)).code)
    print(link.ask(ParameterQuery("keepalive")).value)
"""
        program = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        await until(lambda: host.requests)
        ((_, request),) = host.requests
        assert request.peer.uid == 65534
        server.reply(Reply(request.request_id, ParameterValue("keepalive", "1")))
        output, _ = await program.communicate()
        assert output.decode().split() == ["not-permitted", "1"]

    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        serve(test, Path(place), host, sayings, mode=0o666)
    assert "not-permitted" in sayings.codes


def test_who_may_not_sign_on_is_told_so_and_asks_nothing(host, sayings):
    if os.geteuid() != 0:
        skip_or_fail("needs root to become somebody else")

    async def test(server, path):
        script = f"""
import os
from hacluster.client import connection, language
from hacluster.msg.membership import ParameterQuery
connection.SOCKETS = {{machine: "s.sock" for machine in language.SOCKETS}}
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for name in ("cl_status", "my-monitor"):
    with connection.Connection({os.path.dirname(path)!r}, name=name) as link:
        answer = link.ask(ParameterQuery("keepalive"))
        print(getattr(answer, "hint", answer))
"""
        program = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        await until(lambda: host.requests)
        ((_, request),) = host.requests
        assert request.peer.name == "my-monitor"
        server.reply(Reply(request.request_id, ParameterValue("keepalive", "1")))
        output, _ = await program.communicate()
        assert output.decode().splitlines() == [
            "apiauth anon in ha.cf says who may",
            "ParameterValue(name='keepalive', value='1')",
        ]

    entries = (ApiAuth("anon", ("root",), ()), ApiAuth("my-monitor", ("65534",), ()))
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        serve(test, Path(place), host, sayings, mode=0o666, sign_on=SignOn(entries, "root"))
    assert sayings.codes.count("not-permitted") == 1


def test_a_group_that_a_user_namespace_does_not_know_leaves_the_socket_to_our_own_user(tmp_path):
    unshare = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode != 0:
        skip_or_fail("needs a user namespace")
    path = tmp_path / "s.sock"
    script = f"""
import asyncio, os
from hacluster.client.language import codec
from hacluster.daemon.ipc import LocalServer
said = []
server = LocalServer(codec(), None, said.append, mode=0o660, group="daemon", max_clients=4)
asyncio.run(server.listen({str(path)!r}))
print(*[say.code for say in said], oct(os.stat({str(path)!r}).st_mode & 0o777))
"""
    done = subprocess.run([*unshare, sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["no-socket-group", "0o660"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "bad-frame"),
        ((MAX_FRAME + 1).to_bytes(4, "big"), "bad-frame"),
        (b"\0\0\0\3abc", "bad-frame"),
        (CODEC.encode(Frame(Kind.REQUEST, MembershipQuery(), 1)), "bad-frame"),
        (CODEC.encode(Frame(Kind.HELLO, Hello("old", protocol=0))), "other-protocol"),
    ],
    ids=["http", "oversized", "garbage", "no-hello", "other-protocol"],
)
def test_nonsense_is_dropped_with_a_line_of_log(tmp_path, host, sayings, data, code):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.writer.write(data)
        while (frame := await client.frame()) is not None:
            assert isinstance(frame.body, Welcome)
        assert sayings.codes == [code]
        assert host.requests == []

    serve(test, tmp_path, host, sayings)


def test_a_client_does_not_speak_as_a_machine(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        client.send(Frame(Kind.SEND, CommUp(), to="haresources", by="heartbeat"))
        assert isinstance((await client.frame()).body, Welcome)
        assert await client.frame() is None
        assert sayings.codes == ["bad-frame"]
        assert host.spoken == []

    serve(test, tmp_path, host, sayings)


def test_clients_and_their_requests_are_bounded(tmp_path, host, sayings):
    async def test(server, path):
        first, second, *others = [await RawClient.connect(path) for _ in range(2 + RESERVED)]
        for client in (first, *others):
            client.hello()
            assert await client.frame() is not None
        second.hello()
        assert await second.frame() is None
        assert sayings.codes == ["too-many-clients"]
        for number in range(MAX_PENDING + 1):
            first.send(Frame(Kind.REQUEST, MembershipQuery(), number))
        refused = await first.frame()
        assert (refused.id, refused.body.code) == (MAX_PENDING, "too-many-requests")
        assert len(host.requests) == MAX_PENDING

    serve(test, tmp_path, host, sayings, max_clients=1)


def test_who_does_not_say_hello_makes_room(tmp_path, host, sayings):
    async def test(server, path):
        silent = [await RawClient.connect(path) for _ in range(MAX_STRANGERS + 5)]
        client = await RawClient.connect(path)
        client.hello()
        assert isinstance((await client.frame()).body, Welcome)
        for one in silent[:6]:
            assert await one.frame() is None
        assert sayings.codes == ["too-many-strangers"] * 6
        for one in silent[6:]:
            one.hello()
            assert isinstance((await one.frame()).body, Welcome)

    serve(test, tmp_path, host, sayings)


@pytest.mark.parametrize(("greeted", "size"), [(False, MAX_GREETING), (True, MAX_REQUEST)])
def test_what_lies_in_memory_for_who_is_no_friend_is_small(tmp_path, host, sayings, greeted, size):
    async def test(server, path):
        client = await RawClient.connect(path)
        if greeted:
            client.hello()
            assert await client.frame() is not None
        client.writer.write((size + 1).to_bytes(4, "big"))
        assert await client.frame() is None
        assert sayings.codes == ["bad-frame"]

    serve(test, tmp_path, host, sayings)


def test_a_flood_of_requests_leaves_the_loop_to_others(tmp_path, host, sayings):
    """How many turns of the loop it takes to work off a flood, and that whoever asks little is not behind it."""

    async def test(server, path):
        loud, modest = await RawClient.connect(path), await RawClient.connect(path)
        for client in (loud, modest):
            client.hello()
            await client.frame()
        loud.writer.write(CODEC.encode(Frame(Kind.REQUEST, CommUp(), 1)) * 400)
        modest.send(Frame(Kind.REQUEST, ParameterQuery("keepalive"), 7))
        turns = 0
        while not host.requests:
            turns += 1
            await asyncio.sleep(0)
        answered, refused = [], loud.splitter
        while len(answered) < 400:
            turns += 1
            data = await loud.reader.read(65_536)
            answered += refused.feed(data)
        assert turns > 400 // MAX_FRAMES
        assert len(host.requests) == 1

    serve(test, tmp_path, host, sayings)


def test_who_does_not_read_its_answers_is_not_served(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        await client.frame()
        client.writer.transport.pause_reading()
        for number in range(20):
            client.send(Frame(Kind.REQUEST, ParameterQuery("keepalive"), number))
        await until(lambda: len(host.requests) == 20)
        for _, request in host.requests:
            server.reply(Reply(request.request_id, ParameterValue("keepalive", "x" * 50_000)))
        client.send(Frame(Kind.REQUEST, ParameterQuery("keepalive"), 20))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await until(lambda: len(host.requests) > 20)
        client.writer.transport.resume_reading()
        for number in range(20):
            assert (await client.frame()).id == number
        await until(lambda: len(host.requests) == 21)
        assert sayings.codes == []

    serve(test, tmp_path, host, sayings)


def test_a_reader_that_does_not_read_is_dropped(tmp_path, host, sayings):
    async def test(server, path):
        slow, quick = await RawClient.connect(path), await RawClient.connect(path)
        for client in (slow, quick):
            client.hello()
            client.send(Frame(Kind.SUBSCRIBE, Subscribe("news")))
            client.send(Frame(Kind.REQUEST, MembershipQuery(), 1))
        await until(lambda: len(host.requests) == 2)
        slow.writer.transport.pause_reading()
        body = Refused("big", "x" * 1_000_000)
        for _ in range(12):
            server.publish("news", body)
            while not isinstance((await quick.frame()).body, Refused):
                pass
        assert sayings.codes == ["reader-too-slow"]
        server.publish("other", body)

    serve(test, tmp_path, host, sayings)


def test_requests_are_those_of_the_machines_here(tmp_path, host, sayings):
    async def test(server, path):
        client = await RawClient.connect(path)
        client.hello()
        client.send(Frame(Kind.REQUEST, StandbyRequest(Hold.ALL), 1))
        await until(lambda: host.requests)
        assert host.requests[0][0] == "haresources"
        assert isinstance(host.requests[0][1], Request)

    serve(test, tmp_path, host, sayings)


def test_the_socket_has_the_configured_mode_and_takes_the_place_of_a_dead_one(tmp_path, host, sayings):
    async def test(server, path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        second = LocalServer(CODEC, host, sayings)
        await second.listen(path)
        client = await RawClient.connect(path)
        client.hello()
        assert await client.frame() is not None
        await second.close()

    serve(test, tmp_path, host, sayings, mode=0o600)


def test_what_is_no_socket_is_left_alone(tmp_path, host, sayings):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(HaError, match="not a socket"):
        asyncio.run(LocalServer(CODEC, host, sayings).listen(str(path)))
    assert path.read_text() == "data"
