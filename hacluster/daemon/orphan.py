"""What the processes of a node do when their supervisor is gone without a word (killed, or a fault of its own).

Nobody would start them again, reload them or stop them: a node like that must not go on holding resources. So the
brain releases everything and tells the other node, as for a clean stop; the pulse falls silent when that is said, and
each process ends when the one it works for has ended. The hands end the programs of ``respawn``, too, which were the
supervisor's. A service manager may begin the daemon anew at once: the new
supervisor waits for the last of the old processes (:mod:`hacluster.daemon.pidfile`).

When the hands are gone as well, as after the OOM killer, nobody here can stop anything. Then all end soon, without a
word to the other node, and the next daemon finds in the run directory what it has to stop before it joins.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final, Protocol

from hacluster.base.effects import MachineName, Say
from hacluster.base.report import Severity
from hacluster.daemon.driver import Driver, Outcome
from hacluster.daemon.roster import Roster
from hacluster.msg.driver import StopRequested
from hacluster.node.layout import ProcessName

POLL_S: Final = 0.05
GRACE_POLLS: Final = 40
"""How many looks in a row may show that the one an orphan works for, or with, is gone before it ends: two seconds."""

RELEASE_POLLS: Final = 12_000
"""How many looks a release may take: ten minutes. Hands that hang are nobody's to end."""


class Company(Protocol):
    """Links to the other processes."""

    def connected(self) -> frozenset[str]:
        """The processes that are there."""
        ...


async def wind_up(
    name: ProcessName,
    driver: Driver,
    company: Company,
    clients: Roster,
    log: Callable[[Say], None],
    *,
    manager: MachineName,
) -> None:
    """Bring an orphaned process to its end; returns when its driver has finished.

    The brain's is finished by whoever sees that everything is released, the pulse's by the brain's last word.
    ``manager`` is the machine that releases what the node holds. ``clients`` are the programs of ``respawn``: asked to
    end at once, killed when nothing else is left to do.
    """
    text = "the supervisor is gone: this node releases all resources and stops"
    log(Say(Severity.CRIT, name.value, "orphaned", text))
    if name is ProcessName.BRAIN:
        driver.post(manager, StopRequested(text))
        await _release(driver, company, log)
        return
    if name is ProcessName.HANDS:
        clients.signal_leftovers(signal.SIGTERM)
    alone = 0
    while not driver.finished.done():
        alone = 0 if ProcessName.BRAIN.value in company.connected() else alone + 1
        if alone > GRACE_POLLS:
            driver.finish(Outcome.STOPPED)
        await asyncio.sleep(POLL_S)
    if name is ProcessName.HANDS:
        clients.end_leftovers()


async def _release(driver: Driver, company: Company, log: Callable[[Say], None]) -> None:
    """Wait for the release of everything, as long as there are hands for it."""
    alone = polls = 0
    while not driver.finished.done():
        alone = 0 if ProcessName.HANDS.value in company.connected() else alone + 1
        polls += 1
        if alone > GRACE_POLLS or polls > RELEASE_POLLS:
            why = "the hands are gone, too" if alone > GRACE_POLLS else "the release does not come to an end"
            text = f"{why}: resources are left as they are, until a new daemon stops them"
            log(Say(Severity.CRIT, ProcessName.BRAIN.value, "unreleased", text))
            driver.finish(Outcome.UNRELEASED)
            return
        await asyncio.sleep(POLL_S)
