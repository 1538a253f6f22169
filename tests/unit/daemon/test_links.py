"""Between processes: messages find their machine, and a process that comes again is noticed."""

from __future__ import annotations

import asyncio

import pytest

from hacluster.base.effects import MachineName
from hacluster.base.limits import MAX_FRAME
from hacluster.client.language import codec
from hacluster.daemon.ipc import LocalServer
from hacluster.daemon.links import ACK_EVERY, MAX_KEPT, TYPES, Links
from hacluster.msg.membership import ClientSignedOn, CommUp

H, R = MachineName.HEARTBEAT, MachineName.HARESOURCES
PROCESSES = {"pulse": (H,), "brain": (R,)}


class Process:
    """One end: a server, links, and what arrived."""

    def __init__(self, name, incarnation, sayings):
        self.process, self.incarnation = name, incarnation
        self.machines = tuple(machine.value for machine in PROCESSES[name])
        self.got, self.restarted = [], []
        others = {other: machines for other, machines in PROCESSES.items() if other != name}
        self.links = Links(
            name,
            codec(*TYPES),
            sayings,
            incarnation=incarnation,
            here=PROCESSES[name],
            others=others,
            on_message=lambda to, body: self.got.append((to, body)),
            on_restarted=self.restarted.append,
        )
        self.server = LocalServer(codec(*TYPES), self, sayings)

    def request(self, machine, event):
        raise AssertionError("no client is here")

    def process_connected(self, connection, hello):
        self.links.accepted(connection, hello)

    def process_spoke(self, connection, frame):
        self.links.spoke(connection, frame)

    def process_gone(self, connection):
        self.links.lost(connection)

    async def close(self):
        self.links.close()
        await self.server.close()


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_what_is_said_before_the_first_connection_arrives_in_order(tmp_path, sayings):
    async def live():
        pulse, brain = Process("pulse", 1, sayings), Process("brain", 2, sayings)
        path = str(tmp_path / "pulse.sock")
        pulse.links.send(H, R, CommUp())
        brain.links.connect("pulse", path)
        for number in range(3):
            brain.links.send(R, H, ClientSignedOn(f"c{number}", join=True))
        await pulse.server.listen(path)
        await until(lambda: brain.got and len(pulse.got) == 3)
        assert brain.got == [(R, CommUp())]
        assert [body.client for _, body in pulse.got] == ["c0", "c1", "c2"]
        assert pulse.restarted == brain.restarted == []
        assert pulse.links.connected() == {"brain"}
        await brain.close()
        await pulse.close()

    asyncio.run(live())


def test_a_process_that_comes_again_is_told_to_the_machines(tmp_path, sayings):
    async def live():
        pulse, brain = Process("pulse", 1, sayings), Process("brain", 2, sayings)
        path = str(tmp_path / "pulse.sock")
        await pulse.server.listen(path)
        brain.links.connect("pulse", path)
        await until(pulse.links.connected)
        await brain.close()
        await until(lambda: not pulse.links.connected())
        # While it is away, what is said to it is lost: its next life is told everything anew.
        pulse.links.send(H, R, CommUp())
        again = Process("brain", 3, sayings)
        again.links.connect("pulse", path)
        await until(lambda: pulse.restarted)
        assert (pulse.restarted, again.restarted, again.got) == (["brain"], [], [])
        await again.close()
        await pulse.close()

    asyncio.run(live())


def test_the_one_that_connects_notices_a_new_incarnation(tmp_path, sayings):
    async def live():
        brain = Process("brain", 2, sayings)
        path = str(tmp_path / "pulse.sock")
        brain.links.connect("pulse", path)
        for incarnation in (1, 5):
            pulse = Process("pulse", incarnation, sayings)
            await pulse.server.listen(path)
            await until(lambda pulse=pulse: pulse.links.connected() and brain.links.connected())
            await pulse.close()
            await until(lambda: not brain.links.connected())
        assert brain.restarted == ["pulse"]
        await brain.close()

    asyncio.run(live())


def pair(sayings):
    return Process("pulse", 1, sayings), Process("brain", 2, sayings)


def clients(process) -> list[str]:
    return [body.client for _, body in process.got]


@pytest.mark.parametrize("breaker", ["pulse", "brain"])
def test_a_connection_that_breaks_loses_nothing(tmp_path, sayings, breaker):
    """However often and whichever end breaks it: everything arrives, once and in order, and nobody is told."""

    async def live():
        pulse, brain = pair(sayings)
        path = str(tmp_path / "pulse.sock")
        await pulse.server.listen(path)
        brain.links.connect("pulse", path)
        await until(lambda: pulse.links.connected() and brain.links.connected())
        end = {"pulse": pulse, "brain": brain}[breaker]
        rounds, each = 6, ACK_EVERY
        for number in range(rounds * each):
            for process, by, to in ((pulse, H, R), (brain, R, H)):
                process.links.send(by, to, ClientSignedOn(str(number), join=True))
            if number % each == each // 2:
                # Half of what was written is on its way, and lost with the connection.
                await until(lambda: end.links._lives)
                connection = next(iter(end.links._lives))
                connection._transport.abort()
                await asyncio.sleep(0)
        expected = [str(number) for number in range(rounds * each)]
        await until(lambda: len(pulse.got) >= len(expected) and len(brain.got) >= len(expected))
        assert clients(pulse) == clients(brain) == expected
        assert pulse.restarted == brain.restarted == []
        await brain.close()
        await pulse.close()

    asyncio.run(live())


def test_more_than_is_kept_is_told_to_both_ends(tmp_path, sayings):
    async def live():
        pulse, brain = pair(sayings)
        for number in range(MAX_KEPT + 10):
            brain.links.send(R, H, ClientSignedOn(str(number), join=True))
        path = str(tmp_path / "pulse.sock")
        await pulse.server.listen(path)
        brain.links.connect("pulse", path)
        await until(lambda: len(pulse.got) == MAX_KEPT)
        assert clients(pulse) == [str(number) for number in range(10, MAX_KEPT + 10)]
        assert (pulse.restarted, brain.restarted) == (["brain"], ["pulse"])
        await brain.close()
        await pulse.close()

    asyncio.run(live())


def test_a_message_that_does_not_fit_is_told_to_both_ends(tmp_path, sayings):
    async def live():
        pulse, brain = pair(sayings)
        path = str(tmp_path / "pulse.sock")
        await pulse.server.listen(path)
        brain.links.connect("pulse", path)
        await until(lambda: pulse.links.connected() and brain.links.connected())
        brain.links.send(R, H, ClientSignedOn("x" * MAX_FRAME, join=True))
        brain.links.send(R, H, ClientSignedOn("next", join=True))
        await until(lambda: pulse.got)
        assert clients(pulse) == ["next"]
        assert (pulse.restarted, brain.restarted) == (["brain"], ["pulse"])
        assert "frame-refused" in sayings.codes
        await brain.close()
        await pulse.close()

    asyncio.run(live())


def test_nobody_speaks_to_a_machine_that_is_not_there(sayings):
    async def live():
        brain = Process("brain", 2, sayings)
        brain.links.send(R, MachineName.CIBD, CommUp())
        assert sayings.codes == ["no-such-machine"]
        await brain.close()

    asyncio.run(live())
