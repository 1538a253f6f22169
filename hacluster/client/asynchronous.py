"""A connection to one process of a running node for programs of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, Self

from hacluster.base.effects import MachineName
from hacluster.client.connection import CHUNK, DEFAULT_TIMEOUT_S, socket_path
from hacluster.client.conversation import Answer, Conversation, Event, circle_of
from hacluster.client.errors import ConnectionLostError, TimedOutError
from hacluster.client.greeting import DEFAULT_RUN_DIR, failure

MAX_EVENTS: Final = 1_000
"""Events that wait for their reader; then we stop reading, and the node drops us in the end."""


class AsyncConnection:
    """One process of a node as a program of asyncio sees it; answers are handed to whoever asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: Conversation) -> None:
        self._reader = reader
        self._writer = writer
        self._conversation = conversation
        self._waiting: dict[int, asyncio.Queue[Answer | None]] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MAX_EVENTS)
        self._task = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def open(cls, machine: MachineName, run_dir: str = DEFAULT_RUN_DIR, *, name: str) -> Self:
        """Connect to the process that hosts ``machine``."""
        path = socket_path(run_dir, machine)
        conversation = Conversation(name, circle_of(machine))
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError as error:
            raise failure(error, path) from error
        writer.write(conversation.hello())
        return cls(reader, writer, conversation)

    async def _read(self) -> None:
        try:
            while True:
                for heard in self._conversation.heard(await self._reader.read(CHUNK)):
                    if isinstance(heard, Event):
                        await self._events.put(heard)
                    elif heard.number in self._waiting:
                        self._waiting[heard.number].put_nowait(heard)
        except (ConnectionLostError, OSError):
            return
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                self._events.put_nowait(None)
            for queue in self._waiting.values():
                queue.put_nowait(None)

    async def follow(self, body: object) -> AsyncIterator[object]:
        """Every answer to a request, the last one included."""
        if self._task.done():
            raise ConnectionLostError("the cluster software hung up")
        number, data = self._conversation.request(body)
        queue = self._waiting[number] = asyncio.Queue()
        try:
            self._writer.write(data)
            while True:
                answer = await queue.get()
                if answer is None:
                    raise ConnectionLostError("the cluster software hung up")
                yield answer.body
                if answer.last:
                    return
        finally:
            del self._waiting[number]

    async def ask(self, body: object, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> object:
        """The last answer to a request."""
        answer: object = None
        try:
            async with asyncio.timeout(timeout_s):
                async for answer in self.follow(body):  # noqa: B007 - the last one counts
                    pass
        except TimeoutError as error:
            raise TimedOutError("no answer from the cluster software") from error
        return answer

    async def subscribe(self, topic: str) -> AsyncIterator[object]:
        """What is published under a topic, until the connection ends."""
        self._writer.write(self._conversation.subscribe(topic))
        while (event := await self._events.get()) is not None:
            if event.topic == topic:
                yield event.body

    async def close(self) -> None:
        """Hang up."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._writer.close()
