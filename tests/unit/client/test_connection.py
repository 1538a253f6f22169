"""The waiting and the asyncio connection against the daemon's own sockets."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hacluster.base.effects import MachineName, Reply
from hacluster.client.asynchronous import AsyncConnection
from hacluster.client.connection import Connection
from hacluster.client.errors import (
    ConnectionLostError,
    NotPermittedError,
    NotRunningError,
    TimedOutError,
)
from hacluster.client.greeting import failure
from hacluster.client.language import SOCKETS, codec
from hacluster.daemon.ipc import LocalServer
from hacluster.msg.driver import RequesterGone
from hacluster.msg.membership import MembershipQuery, ParameterQuery, ParameterValue


class Echo:
    """Answers each ParameterQuery twice, and nothing else."""

    process, incarnation = "pulse", 1
    machines = (MachineName.HEARTBEAT.value,)

    def __init__(self):
        self.server = None

    def request(self, machine, event):
        if not isinstance(event, RequesterGone) and isinstance(event.body, ParameterQuery):
            for last in (False, True):
                value = f"{event.body.name} {'last' if last else 'first'}"
                self.server.reply(Reply(event.request_id, ParameterValue(event.body.name, value), last=last))
            self.server.publish("news", ParameterValue("n", event.body.name))


async def serve(run_dir) -> LocalServer:
    host = Echo()
    host.server = LocalServer(codec(), host, lambda say: None)
    await host.server.listen(f"{run_dir}/{SOCKETS[MachineName.HEARTBEAT]}")
    return host.server


def test_asyncio_answers_events_and_the_end(tmp_path):
    async def live():
        server = await serve(tmp_path)
        connection = await AsyncConnection.open(MachineName.HEARTBEAT, str(tmp_path), name="test")
        news = connection.subscribe("news")
        first_news = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        answers = [body.value async for body in connection.follow(ParameterQuery("a"))]
        assert answers == ["a first", "a last"]
        both = await asyncio.gather(connection.ask(ParameterQuery("b")), connection.ask(ParameterQuery("c")))
        assert [body.value for body in both] == ["b last", "c last"]
        assert (await first_news).value == "a"
        with pytest.raises(TimedOutError):
            await connection.ask(MembershipQuery(), timeout_s=0.01)
        pending = asyncio.ensure_future(connection.ask(MembershipQuery(), timeout_s=30))
        await asyncio.sleep(0)
        await server.close()
        with pytest.raises(ConnectionLostError):
            await pending
        with pytest.raises(ConnectionLostError):
            await connection.ask(ParameterQuery("d"))
        await connection.close()

    asyncio.run(asyncio.wait_for(live(), 60))


def test_nobody_there(tmp_path):
    with Connection(str(tmp_path), name="test") as connection, pytest.raises(NotRunningError):
        connection.ask(MembershipQuery())

    async def live():
        with pytest.raises(NotRunningError):
            await AsyncConnection.open(MachineName.HEARTBEAT, str(tmp_path), name="test")

    asyncio.run(live())


def test_not_allowed_is_told_apart_from_not_there():
    assert isinstance(failure(PermissionError(13, "Permission denied"), "/x"), NotPermittedError)
    assert isinstance(failure(ConnectionRefusedError(111, "refused"), "/x"), NotRunningError)


def test_a_daemon_that_dies_meanwhile(tmp_path):
    ready, leave = threading.Event(), threading.Event()

    async def live():
        server = await serve(tmp_path)
        ready.set()
        await asyncio.to_thread(leave.wait, 30)
        await server.close()

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    assert ready.wait(30)
    with Connection(str(tmp_path), name="test", timeout_s=30) as connection:
        assert [body.value for body in connection.follow(ParameterQuery("a"))] == ["a first", "a last"]
        threading.Timer(0.05, leave.set).start()
        with pytest.raises(ConnectionLostError):
            connection.ask(MembershipQuery())
    thread.join(30)
