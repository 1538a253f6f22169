"""These tests need a kernel with IPVS. Where this machine's has none they run, all of them, in one virtual machine."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Lab
from tests.conftest import require_lab, skip_or_fail
from tests.lab.ipvs.scene import Scene
from tests.lab.vm.machine import MachineError, missing
from tests.lab.vm.relay import INSIDE, LIMIT_S, Relay

FOLDER = Path(__file__).parent
_relays: list[Relay] = []


@functools.cache
def kernel_has_ipvs() -> bool:
    """Whether a host of the laboratory has an IPVS table of its own."""
    if os.environ.get(INSIDE):
        return True
    if os.geteuid() != 0:
        return False
    with Lab("trial") as lab:
        return lab.add_host("trial", {}).run(["ipvsadm", "-L", "-n"]).returncode == 0


def pytest_itemcollected(item: pytest.Item) -> None:
    """Inside the machine each test has its own time limit; here the first waits for the boot, each for those before."""
    if _is_ours(item) and not os.environ.get(INSIDE) and not item.get_closest_marker("machines"):
        item.add_marker(pytest.mark.timeout(LIMIT_S + 300), append=False)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with machines of their own come after the others of this folder, whose machine has gone by then."""
    ours = [number for number, item in enumerate(items) if _is_ours(item)]
    ordered = sorted(
        (items[number] for number in ours), key=lambda item: item.get_closest_marker("machines") is not None
    )
    for number, item in zip(ours, ordered, strict=True):
        items[number] = item


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let the machine run the test, and tell its reports as if it had run here."""
    if not _is_ours(item) or os.environ.get(INSIDE):
        return None
    if item.get_closest_marker("machines"):
        for relay in _relays:
            relay.close()
        return None
    if _possible_here():
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_ours(item: pytest.Item) -> bool:
    """Whether a test is one of this folder: pytest asks this file about those of the whole run."""
    return FOLDER in item.path.parents


@functools.cache
def _possible_here() -> bool:
    """Whether the tests run here; also when there can be no machine, for then each says so itself."""
    return kernel_has_ipvs() or bool(why_not())


@functools.cache
def why_not() -> str:
    """Why there is neither an own IPVS nor a machine with one; empty when there is."""
    if kernel_has_ipvs():
        return ""
    return "the kernel has no IPVS, and no virtual machine: " + text if (text := missing()) else ""


def _reports(item: pytest.Item) -> Iterator[pytest.TestReport]:
    try:
        if not _relays:
            here = [one for one in item.session.items if FOLDER in one.path.parents]
            _relays.append(Relay([one.nodeid for one in here if not one.get_closest_marker("machines")]))
            item.config.add_cleanup(_relays[0].close)
        found = _relays[0].reports(item.nodeid)
    except MachineError as error:
        yield pytest.TestReport(item.nodeid, item.location, {}, "failed", str(error), "call")
        return
    for data in found:
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
        assert isinstance(report, pytest.TestReport)
        yield report


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    """The networks of the classic set-ups, with web servers that name themselves."""
    require_lab()
    skip_or_fail(why_not())
    with Lab("lvs") as lab:
        yield Scene(lab)


@pytest.fixture(autouse=True)
def empty_table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins without services, and with all servers there."""
    yield
    if "scene" in request.fixturenames:
        request.getfixturevalue("scene").clear()
