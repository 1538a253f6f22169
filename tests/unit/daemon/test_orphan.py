"""Processes whose supervisor is gone end, whoever else is gone with it."""

from __future__ import annotations

import asyncio

import pytest

from hacluster.base.effects import MachineName
from hacluster.daemon import orphan
from hacluster.daemon.driver import Driver, Outcome
from hacluster.daemon.roster import CLIENTS, Roster
from hacluster.msg.driver import StopRequested
from hacluster.node.layout import V1, ProcessName
from hacluster.node.router import Router


class Quiet:
    """A machine that notes what it hears."""

    def __init__(self):
        self.got = []

    def step(self, event, now):
        del now
        self.got.append(event)
        return []

    def deadline(self):
        return None

    def check(self):
        pass


class Company:
    def __init__(self, *names):
        self.names = frozenset(names)

    def connected(self):
        return self.names


def wind_up(name, company, tmp_path, sayings, *, finishes=None):
    machine = Quiet()

    async def live():
        driver = Driver(Router({MachineName.HARESOURCES: machine}), sayings)
        task = asyncio.create_task(
            orphan.wind_up(name, driver, company, Roster(str(tmp_path), CLIENTS), sayings, manager=V1.manager)
        )
        if finishes is not None:
            await asyncio.sleep(0.01)
            assert not driver.finished.done()
            driver.finish(finishes)
        await asyncio.wait_for(task, 30)
        driver.close()
        return await driver.finished

    return asyncio.run(live()), machine.got


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(orphan, "POLL_S", 0.001)


def test_a_brain_releases_everything(tmp_path, sayings):
    company = Company("pulse", "hands")
    outcome, got = wind_up(ProcessName.BRAIN, company, tmp_path, sayings, finishes=Outcome.STOPPED)
    assert outcome is Outcome.STOPPED
    assert any(isinstance(event, StopRequested) for event in got)


def test_a_brain_without_hands_says_so_and_ends(tmp_path, sayings):
    outcome, _ = wind_up(ProcessName.BRAIN, Company("pulse"), tmp_path, sayings)
    assert outcome is Outcome.UNRELEASED
    assert sayings.codes == ["orphaned", "unreleased"]


def test_a_release_that_never_comes_to_an_end_does(tmp_path, sayings, monkeypatch):
    monkeypatch.setattr(orphan, "RELEASE_POLLS", 50)
    outcome, _ = wind_up(ProcessName.BRAIN, Company("pulse", "hands"), tmp_path, sayings)
    assert outcome is Outcome.UNRELEASED


@pytest.mark.parametrize("name", [ProcessName.PULSE, ProcessName.HANDS])
def test_the_others_end_after_the_brain(tmp_path, sayings, name):
    outcome, _ = wind_up(name, Company(), tmp_path, sayings)
    assert outcome is Outcome.STOPPED
    outcome, _ = wind_up(name, Company("brain"), tmp_path, sayings, finishes=Outcome.FENCED)
    assert outcome is Outcome.FENCED
