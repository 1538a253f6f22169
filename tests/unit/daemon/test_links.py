"""Between processes: messages find their machine, and a process that comes again is noticed."""

from __future__ import annotations

import asyncio

from hacluster.base.effects import MachineName
from hacluster.client.language import codec
from hacluster.daemon.ipc import LocalServer
from hacluster.daemon.links import MAX_EARLY, Links
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
            codec(),
            sayings,
            incarnation=incarnation,
            here=PROCESSES[name],
            others=others,
            on_message=lambda to, body: self.got.append((to, body)),
            on_restarted=self.restarted.append,
        )
        self.server = LocalServer(codec(), self, sayings)

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


def test_early_messages_are_bounded(sayings):
    async def live():
        brain = Process("brain", 2, sayings)
        for number in range(MAX_EARLY + 10):
            brain.links.send(R, H, ClientSignedOn(str(number), join=True))
        brain.links.send(R, MachineName.CIBD, CommUp())
        assert sayings.codes == ["no-such-machine"]
        await brain.close()

    asyncio.run(live())
