"""A pretended node: the daemon's own local sockets, and answers from a table instead of machines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hacluster.base.effects import MachineName, Reply
from hacluster.client.language import SOCKETS, codec
from hacluster.daemon.ipc import LocalServer
from hacluster.msg.driver import Refused, RequesterGone


class FakeNode:
    """Answers requests of a type with what ``answers`` has for it: one body, several, or a function of the request."""

    process = "fake"
    incarnation = 1

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.machines = tuple(machine.value for machine in SOCKETS)
        self.answers: dict[type, Any] = {}
        self.asked: list[object] = []
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())

    async def _live(self) -> None:
        self._ended = asyncio.Event()
        self._server = LocalServer(codec(), self, lambda say: None)
        for machine in SOCKETS:
            await self._server.listen(f"{self.run_dir}/{SOCKETS[machine]}")
        self._started.set()
        await self._ended.wait()
        await self._server.close()

    def request(self, machine: str, event: Any) -> None:
        if isinstance(event, RequesterGone):
            return
        self.asked.append(event.body)
        answer = self.answers.get(type(event.body), Refused("unknown", f"{MachineName(machine)} does not know"))
        if isinstance(answer, Callable):
            answer = answer(event.body)
        bodies = answer if isinstance(answer, list) else [answer]
        for number, body in enumerate(bodies):
            self._server.reply(Reply(event.request_id, body, last=number == len(bodies) - 1))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture
def node(tmp_path) -> Iterator[FakeNode]:
    found = FakeNode(str(tmp_path))
    yield found
    found.stop()
