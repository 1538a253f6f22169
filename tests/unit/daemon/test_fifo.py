"""The command FIFO: Heartbeat's words, and nothing else."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.daemon.fifo import MAX_COMMAND, Commands, Fifo
from hacluster.msg.haresources import Hold, StandbyRequest, TakeoverRequest


def command(**fields) -> bytes:
    return b">>>\n" + "".join(f"{name}={value}\n" for name, value in fields.items()).encode() + b"<<<\n"


STANDBY = command(t="ask_resources", rsc_hold="local", info="me")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (STANDBY, StandbyRequest(Hold.LOCAL)),
        (command(t="ask_resources", rsc_hold="all", info="me"), StandbyRequest(Hold.ALL)),
        (command(t="ask_resources", rsc_hold="failback", info="me"), StandbyRequest(Hold.FOREIGN)),
        (command(t="hb_takeover", rsc_hold="foreign"), TakeoverRequest(Hold.FOREIGN)),
        (command(t="hb_takeover", rsc_hold="failback"), TakeoverRequest(Hold.LOCAL)),
        (command(t="hb_takeover"), TakeoverRequest(Hold.ALL)),
    ],
)
def test_what_the_old_tools_write_is_taken(data, expected):
    assert Commands().feed(data) == [expected]


@pytest.mark.parametrize(
    "data",
    [
        command(t="ask_resources", rsc_hold="all", info="done"),
        command(t="shutdone", st="dead"),
        command(t="hb_takeover", rsc_hold="everything"),
        b">>>\nno line of a message\n<<<\n",
    ],
)
def test_everything_else_is_refused_in_words(data):
    (found,) = Commands().feed(data)
    assert isinstance(found, str)


@given(st.lists(st.binary(max_size=30), max_size=5), st.data())
def test_commands_are_found_however_they_arrive(noise, data):
    stream = b"".join(part.replace(b">", b"").replace(b"<", b"") + STANDBY for part in noise)
    commands, found = Commands(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += commands.feed(stream[:size])
        stream = stream[size:]
    assert found == [StandbyRequest(Hold.LOCAL)] * len(noise)


def test_endless_nonsense_is_not_kept():
    commands = Commands()
    assert commands.feed(b"x" * (MAX_COMMAND + 1)) == ["what was written to it is no command"]
    assert commands.feed(STANDBY) == [StandbyRequest(Hold.LOCAL)]


def test_the_fifo_is_private_and_outlives_its_writers(tmp_path, sayings):
    path = str(tmp_path / "fifo")

    async def live():
        requests = []
        fifo = Fifo(path, requests.append, sayings)
        fifo.open()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        for _ in range(2):
            with open(path, "wb") as writer:
                writer.write(STANDBY)
            count = len(requests)
            async with asyncio.timeout(30):
                while len(requests) == count:
                    await asyncio.sleep(0.005)
        with open(path, "wb") as writer:
            writer.write(command(t="shutdone"))
        async with asyncio.timeout(30):
            while not sayings.codes:
                await asyncio.sleep(0.005)
        fifo.close()
        assert requests == [StandbyRequest(Hold.LOCAL)] * 2
        assert sayings.codes == ["fifo-refused"]

    asyncio.run(live())


def test_a_plain_file_in_its_place_gives_way_and_is_not_obeyed(tmp_path, sayings):
    """What a tool leaves that writes to the FIFO while no daemon made one. Heartbeat replaces it, too."""
    path = tmp_path / "fifo"
    path.write_bytes(STANDBY)

    async def live():
        requests = []
        fifo = Fifo(str(path), requests.append, sayings)
        fifo.open()
        assert stat.S_ISFIFO(path.lstat().st_mode)
        path.write_bytes(command(t="hb_takeover"))
        async with asyncio.timeout(30):
            while not requests:
                await asyncio.sleep(0.005)
        fifo.close()
        assert requests == [TakeoverRequest(Hold.ALL)]
        assert sayings.codes == ["fifo-made-anew"]

    asyncio.run(live())


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere")], ids=["directory", "link"])
def test_anything_else_in_its_place_is_set_aside_and_said(tmp_path, sayings, make):
    make(tmp_path / "fifo")

    async def live():
        fifo = Fifo(str(tmp_path / "fifo"), lambda request: None, sayings)
        fifo.open()
        fifo.close()

    asyncio.run(live())
    assert stat.S_ISFIFO((tmp_path / "fifo").lstat().st_mode)
    assert sayings.codes == ["fifo-made-anew"]
    assert "fifo.damaged-1" in sayings.lines[0].text
