"""Garbage is collected when nobody waits, and when there is too much of it."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from hacluster.daemon import collector
from hacluster.daemon.collector import Collector


class Circle:
    """Garbage that only a collector finds."""

    def __init__(self):
        self.me = self


def run(is_idle, until, rounds=200):
    """Whether garbage of before is gone: after the first looks, and after ``until`` was called."""

    async def live():
        it = Collector(is_idle)
        it.start()
        assert not gc.isenabled()
        lost = weakref.ref(Circle())
        first = await gone(lost)
        until()
        second = await gone(lost)
        it.close()
        assert gc.isenabled()
        return first, second

    async def gone(lost):
        for _ in range(rounds):
            await asyncio.sleep(0.001)
            if lost() is None:
                return True
        return False

    try:
        return asyncio.run(live())
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(collector, "LOOK_S", 0.001)
    monkeypatch.setattr(collector, "YOUNG", 0)


def test_who_is_busy_is_left_alone_until_it_is_idle():
    idle = []
    assert run(lambda: bool(idle), lambda: idle.append(True)) == (False, True)


def test_too_much_is_collected_whoever_waits(monkeypatch):
    assert run(lambda: False, lambda: monkeypatch.setattr(collector, "MOST", 0)) == (False, True)


def test_once_in_a_while_the_whole_is_looked_at(monkeypatch):
    monkeypatch.setattr(collector, "YOUNG", 1_000_000)
    monkeypatch.setattr(collector, "WHOLE_S", 0.0)
    assert run(lambda: True, lambda: None) == (True, True)
