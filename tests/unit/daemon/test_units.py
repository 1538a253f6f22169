"""Units of systemd by jobs, against a private bus on which a double of systemd answers."""

from __future__ import annotations

import asyncio
import os

import pytest

from hacluster.base.effects import UnitJob, UnitVerb
from hacluster.config.settings import HaclusterConfig
from hacluster.daemon.units import DROP_IN, Units
from hacluster.lrm.systemd import unit_verdict
from hacluster.msg.driver import UnitDone, UnitEnd
from hacluster.msg.lrm import AgentClass, OcfCode, OpEnd, ResourceSpec, StartOp
from tests.unit.daemon.systemd_double import PrivateBus, Systemd, Unit


class Place:
    """A bus, a systemd on it, and the driver that is tried."""

    def __init__(self, tmp_path):
        self.bus, self.systemd = PrivateBus(tmp_path), Systemd({"web.service": Unit()})
        self.folder = tmp_path / "system"
        self.done: dict[int, UnitDone] = {}
        self.units = Units(self.on_done, address=self.bus.address, overrides=str(self.folder))
        self.number = 0

    def on_done(self, done):
        assert done.child_id not in self.done, "one answer each"
        self.done[done.child_id] = done

    async def ask(self, verb, unit="web.service", timeout_ms=10_000):
        number = self.begin(verb, unit, timeout_ms)
        return await self.answer(number)

    def begin(self, verb, unit="web.service", timeout_ms=10_000):
        self.number += 1
        self.units.start(UnitJob(self.number, unit, verb, timeout_ms))
        return self.number

    async def answer(self, number):
        for _ in range(3_000):
            if number in self.done:
                return self.done[number]
            await asyncio.sleep(0.01)
        raise AssertionError("no answer")


def with_place(tmp_path, test, *, serves=True):
    async def live():
        place = Place(tmp_path)
        place.bus.start()
        try:
            if serves:
                await place.systemd.serve(place.bus.address)
            await test(place)
        finally:
            await place.units.close()
            if place.systemd.bus is not None:
                place.systemd.leave()
            place.bus.stop()

    asyncio.run(live())


def test_a_unit_is_started_looked_at_and_stopped_by_jobs(tmp_path):
    async def test(place):
        assert (await place.ask(UnitVerb.LOOK)).active == "inactive"
        started = await place.ask(UnitVerb.START)
        assert (started.end, started.active, started.loaded) == (UnitEnd.DONE, "active", "loaded")
        text = (place.folder / "web.service.d" / DROP_IN).read_text()
        assert "Before=hacluster.service" in text
        assert "Restart=no" in text
        assert os.stat(place.folder / "web.service.d" / DROP_IN).st_mode & 0o777 == 0o644
        assert (await place.ask(UnitVerb.RELOAD)).end is UnitEnd.DONE
        assert (await place.ask(UnitVerb.RESTART)).end is UnitEnd.DONE
        stopped = await place.ask(UnitVerb.STOP)
        assert (stopped.end, stopped.active) == (UnitEnd.DONE, "inactive")
        assert not (place.folder / "web.service.d" / DROP_IN).exists()
        words = [call for call in place.systemd.calls if not call.startswith("LoadUnit")]
        assert words == [
            "Subscribe",
            "Reload",
            "StartUnit web.service",
            "ReloadUnit web.service",
            "RestartUnit web.service",
            "Reload",
            "StopUnit web.service",
        ]

    with_place(tmp_path, test)


def test_a_job_that_ends_before_it_has_a_name_is_not_waited_for_for_ever(tmp_path):
    async def test(place):
        place.systemd.units["web.service"].early = True
        assert (await place.ask(UnitVerb.START)).end is UnitEnd.DONE

    with_place(tmp_path, test)


def test_a_job_that_fails_says_how(tmp_path):
    async def test(place):
        place.systemd.units["web.service"].result = "dependency"
        failed = await place.ask(UnitVerb.START)
        assert (failed.end, failed.detail, failed.active) == (UnitEnd.FAILED, "dependency", "failed")

    with_place(tmp_path, test)


def test_what_is_no_unit_is_not_installed_not_running_and_stopped(tmp_path):
    async def test(place):
        assert (await place.ask(UnitVerb.START, "no.service")).end is UnitEnd.NO_SUCH_UNIT
        assert (await place.ask(UnitVerb.LOOK, "no.service")).loaded == "not-found"
        assert (await place.ask(UnitVerb.STOP, "no.service")).end is UnitEnd.NO_SUCH_UNIT
        assert (await place.ask(UnitVerb.LOOK, "a/b.service")).end is UnitEnd.NO_SUCH_UNIT

    with_place(tmp_path, test)


def test_a_unit_on_its_way_is_looked_at_again(tmp_path):
    async def test(place):
        place.systemd.units["web.service"].active = "activating"
        number = place.begin(UnitVerb.LOOK)
        while "LoadUnit web.service" not in place.systemd.calls:
            await asyncio.sleep(0.01)
        assert number not in place.done
        place.systemd.units["web.service"].active = "active"
        assert (await place.answer(number)).active == "active"

    with_place(tmp_path, test)


def test_time_is_up_and_waiting_ends(tmp_path):
    async def test(place):
        place.systemd.units["web.service"].takes_s = 600
        late = await place.ask(UnitVerb.START, timeout_ms=300)
        assert late.end is UnitEnd.TIMED_OUT
        number = place.begin(UnitVerb.STOP)
        while "StopUnit web.service" not in place.systemd.calls:
            await asyncio.sleep(0.01)
        assert place.units.kill(number)
        assert (await place.answer(number)).end is UnitEnd.CANCELLED
        assert not place.units.kill(number)

    with_place(tmp_path, test)


def test_a_bus_that_is_restarted_under_way_is_no_verdict(tmp_path):
    async def test(place):
        place.systemd.units["web.service"].takes_s = 600
        number = place.begin(UnitVerb.START, timeout_ms=60_000)
        while "StartUnit web.service" not in place.systemd.calls:
            await asyncio.sleep(0.01)
        place.systemd.leave()
        place.bus.stop()
        place.systemd.units["web.service"].takes_s = 0.01
        place.bus.start()
        await place.systemd.serve(place.bus.address)
        assert (await place.answer(number)).end is UnitEnd.DONE

    with_place(tmp_path, test)


def test_without_systemd_on_the_bus_it_cannot_be_asked(tmp_path):
    async def test(place):
        nobody = await place.ask(UnitVerb.LOOK, timeout_ms=700)
        assert nobody.end is UnitEnd.UNREACHABLE
        assert nobody.detail
        place.bus.stop()
        nothing = await place.ask(UnitVerb.LOOK, timeout_ms=700)
        assert nothing.end is UnitEnd.UNREACHABLE

    with_place(tmp_path, test, serves=False)


def test_many_units_at_once(tmp_path):
    async def test(place):
        for number in range(60):
            place.systemd.units[f"u{number}.service"] = Unit(takes_s=0.05, early=number % 2 == 0)
        numbers = [place.begin(UnitVerb.START, f"u{number}.service") for number in range(60)]
        ends = [(await place.answer(number)).end for number in numbers]
        assert set(ends) == {UnitEnd.DONE}
        assert len(place.units) == 0

    with_place(tmp_path, test)


@pytest.mark.parametrize(
    ("action", "done", "end", "rc"),
    [
        ("monitor", UnitDone(1, UnitEnd.DONE, "active", "loaded"), OpEnd.DONE, OcfCode.OK),
        ("monitor", UnitDone(1, UnitEnd.DONE, "reloading", "loaded"), OpEnd.DONE, OcfCode.OK),
        ("monitor", UnitDone(1, UnitEnd.DONE, "inactive", "loaded"), OpEnd.DONE, OcfCode.NOT_RUNNING),
        ("monitor", UnitDone(1, UnitEnd.DONE, "failed", "loaded"), OpEnd.DONE, OcfCode.NOT_RUNNING),
        ("monitor", UnitDone(1, UnitEnd.NO_SUCH_UNIT), OpEnd.DONE, OcfCode.NOT_RUNNING),
        ("monitor", UnitDone(1, UnitEnd.UNREACHABLE, detail="x"), OpEnd.ERROR, OcfCode.GENERIC),
        ("start", UnitDone(1, UnitEnd.NO_SUCH_UNIT), OpEnd.NOT_INSTALLED, OcfCode.INSTALLED),
        ("start", UnitDone(1, UnitEnd.DONE, "inactive", "loaded"), OpEnd.DONE, OcfCode.GENERIC),
        ("start", UnitDone(1, UnitEnd.FAILED, "failed", "loaded", "timeout"), OpEnd.DONE, OcfCode.GENERIC),
        ("stop", UnitDone(1, UnitEnd.DONE, "failed", "loaded"), OpEnd.DONE, OcfCode.OK),
        ("stop", UnitDone(1, UnitEnd.NO_SUCH_UNIT), OpEnd.DONE, OcfCode.OK),
        ("stop", UnitDone(1, UnitEnd.TIMED_OUT, "deactivating"), OpEnd.TIMED_OUT, OcfCode.GENERIC),
    ],
)
def test_what_systemd_says_in_the_words_of_ocf(action, done, end, rc):
    op = StartOp(1, ResourceSpec("r", AgentClass.SYSTEMD, "", "web"), action)
    verdict = unit_verdict(op, done, HaclusterConfig())
    assert (verdict.end, verdict.rc) == (end, rc)
    assert verdict.reason or verdict.rc in (OcfCode.OK, OcfCode.NOT_RUNNING)
