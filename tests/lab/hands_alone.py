"""The hands by themselves: machine, driver, children and disk in one process, told by JSON what to do.

    python -m tests.lab.hands_alone FOLDER < operations

``FOLDER`` keeps the journal. Operations are a list of objects; each is done when the one before has ended (what recurs:
has answered once, and is cancelled at the end). The answer is a list of what became of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from typing import Any

from hacluster.base.effects import MachineName, Say
from hacluster.client.paths import shipped
from hacluster.config.settings import HaclusterConfig
from hacluster.daemon.disk import Disk
from hacluster.daemon.driver import Driver
from hacluster.daemon.roster import Roster
from hacluster.daemon.spawn import Children
from hacluster.lrm.ledger import KEY
from hacluster.lrm.machine import LrmMachine
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import Restored
from hacluster.msg.lrm import AgentClass, CancelOp, OpFinished, OpsNoted, OpsQuery, OpsView, ResourceSpec, StartOp
from hacluster.node.router import Router

LRM = MachineName.LRM


class Alone:
    """One process of hands and whoever asks them."""

    def __init__(self, folder: str, host: Surroundings, config: HaclusterConfig | None = None) -> None:
        self.results: asyncio.Queue[OpFinished] = asyncio.Queue()
        self.views: asyncio.Queue[OpsView] = asyncio.Queue()
        self.said: list[Say] = []
        self.disk = Disk(os.path.join(folder, "state"), os.path.join(folder, "run"))
        self.disk.prepare()
        own = config or HaclusterConfig(kill_after_ms=1_000)
        self.driver = Driver(Router({LRM: LrmMachine(own, host, asker=MachineName.CRMD)}), self.said.append)
        self.roster = Roster(os.path.join(folder, "run"))
        self.ended = self.roster.end_leftovers()
        self.children = Children(lambda event: self.driver.post(LRM, event), self.roster)
        self.driver.disk, self.driver.children, self.driver.others = self.disk, self.children, self
        self.driver.start()
        self.driver.post(LRM, Restored(KEY, self.disk.read(KEY, volatile=True)))

    def send(self, _by: MachineName, _to: MachineName, body: object) -> None:
        """What the hands tell their asker."""
        if isinstance(body, OpFinished):
            self.results.put_nowait(body)
        elif isinstance(body, OpsView):
            self.views.put_nowait(body)

    def ask(self, body: StartOp | CancelOp | OpsQuery | OpsNoted) -> None:
        """What the asker says."""
        self.driver.post(LRM, body)

    async def do(self, op: StartOp) -> OpFinished:
        """One operation, and its (first) answer."""
        self.ask(op)
        while True:
            result = await self.results.get()
            if result.op_id == op.op_id:
                return result

    def close(self) -> None:
        """End."""
        self.children.close()
        self.driver.close()


def operation(number: int, words: dict[str, Any]) -> StartOp:
    """An operation out of JSON."""
    spec = ResourceSpec(
        words.get("id", "r"),
        AgentClass(words.get("class", "ocf")),
        words.get("provider", "heartbeat"),
        words["type"],
        parameters=tuple(words.get("params", {}).items()),
    )
    timeout, interval = words.get("timeout", 60_000), words.get("interval", 0)
    meta = {"timeout": str(timeout), "name": words["action"], **words.get("meta", {})}
    if interval:
        meta["interval"] = str(interval)
    return StartOp(number, spec, words["action"], timeout, interval, tuple(meta.items()), context="test", asker="crmd")


async def main(folder: str, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Do them all."""
    host = Surroundings("one", own_agents=str(shipped("ra")))
    os.makedirs(host.temporary_dir, exist_ok=True)
    alone = Alone(folder, replace(host, tools_dir=os.environ.get("TOOLS", "")))
    told = []
    for number, words in enumerate(operations, 1):
        result = await alone.do(operation(number, words))
        traits = result.traits
        told.append(
            {
                "action": result.action,
                "end": result.end.value,
                "rc": int(result.rc),
                "reason": result.reason,
                "output": result.output,
                "scene": result.scene,
                "ms": result.elapsed_ms,
                "restart": None if traits is None else list(traits.restart),
                "reloads": traits is not None and traits.reloads,
            }
        )
        if result.interval_ms:
            alone.ask(CancelOp(number, asker="crmd"))
    alone.close()
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], json.load(sys.stdin)))))
