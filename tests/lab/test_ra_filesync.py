"""The agent filesync, with real files, rsync and an rsync daemon."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"


class Place:
    """A source, two targets, and the resource."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.one, self.two = folder / "source", folder / "one", folder / "two"
        for path in (self.source, self.one, self.two):
            path.mkdir()
        self.parameters = {"source": str(self.source), "targets": f"{self.one} {self.two}", "delay": "50"}
        self.parameters |= {"retry_interval": "1"}

    def call(self, action: str, **parameters: str) -> subprocess.CompletedProcess[str]:
        environment = {f"OCF_RESKEY_{k}": v for k, v in {**self.parameters, **parameters}.items()}
        environment |= {"PATH": os.environ["PATH"], "HA_RSCTMP": str(self.folder / "run"), "LC_ALL": "C"}
        program = RA / "ocf/hacluster/filesync"
        return subprocess.run(
            [program, action], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def code(self, action: str, **parameters: str) -> int:
        return self.call(action, **parameters).returncode

    def await_alike(self, *targets: Path) -> None:
        for target in targets or (self.one, self.two):
            eventually(f"{target} is as the source", lambda target=target: files(target) == files(self.source))


def files(folder: Path) -> dict[str, str | None]:
    """Relative paths and contents; ``None`` for directories."""
    found: dict[str, str | None] = {}
    for path in folder.rglob("*"):
        try:
            found[str(path.relative_to(folder))] = None if path.is_dir() else path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
    return {name: text for name, text in found.items() if not Path(name).name.startswith(".")}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    skip_or_fail("" if shutil.which("rsync") else "rsync is missing (Debian: apt install rsync)")
    made = Place(tmp_path)
    yield made
    made.code("stop")


def test_the_first_copy_then_each_change(place: Place) -> None:
    (place.source / "a/b").mkdir(parents=True)
    (place.source / "a/b/page").write_text("1", encoding="utf-8")
    (place.one / "stale").write_text("x", encoding="utf-8")
    assert place.code("monitor") == 7
    assert place.code("start") == 0
    assert place.code("start") == 0
    place.await_alike()
    (place.source / "a/b/page").write_text("22", encoding="utf-8")
    place.await_alike()
    (place.source / "new/deep/down").mkdir(parents=True)
    (place.source / "new/deep/down/file").write_text("3", encoding="utf-8")
    place.await_alike()
    (place.source / "new/deep").rename(place.source / "moved")
    place.await_alike()
    (place.source / "moved/down/file").write_text("in a directory that was moved", encoding="utf-8")
    place.await_alike()
    shutil.rmtree(place.source / "a")
    place.await_alike()
    assert place.code("monitor", max_lag="30") == 0
    assert place.code("stop") == 0
    assert place.code("monitor") == 7
    assert place.code("stop") == 0


def test_without_delete_copies_only_grow(place: Place) -> None:
    (place.source / "page").write_text("1", encoding="utf-8")
    assert place.code("start", delete="no", exclude="*.swp") == 0
    place.await_alike()
    (place.source / "page").unlink()
    (place.source / "page.swp").write_text("1", encoding="utf-8")
    (place.source / "other").write_text("2", encoding="utf-8")
    eventually("the other", lambda: files(place.one) == {"page": "1", "other": "2"})


def test_a_burst_is_few_runs_of_rsync(place: Place) -> None:
    runs = place.folder / "runs"
    wrapper = place.folder / "rsync"
    wrapper.write_text(f'#!/bin/sh\necho x >> {runs}\nexec rsync "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    words = {"rsync": str(wrapper), "targets": str(place.one), "delay": "1000"}
    assert place.code("start", **words) == 0
    place.await_alike(place.one)
    eventually("the first copy", runs.exists)
    for number in range(500):
        (place.source / f"page{number}").write_text(str(number), encoding="utf-8")
    place.await_alike(place.one)
    assert len(runs.read_text(encoding="utf-8").split()) <= 4


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def test_a_target_that_is_away_holds_no_other_up_and_gets_all_when_it_is_back(place: Place) -> None:
    port = free_port()
    (place.folder / "rsyncd.conf").write_text(
        f"use chroot = no\npid file = {place.folder}/rsyncd.pid\n[www]\n path = {place.two}\n read only = no\n"
        f" uid = {os.getuid()}\n gid = {os.getgid()}\n",
        encoding="utf-8",
    )
    targets = {"targets": f"{place.one} rsync://127.0.0.1:{port}/www"}
    (place.source / "page").write_text("1", encoding="utf-8")
    assert place.code("start", **targets) == 0
    place.await_alike(place.one)
    assert files(place.two) == {}
    (place.source / "page").write_text("2", encoding="utf-8")
    place.await_alike(place.one)
    eventually("the lag is too long", lambda: place.code("monitor", max_lag="1", **targets) == 1)
    said = place.call("monitor", max_lag="1", **targets).stderr
    assert f"rsync://127.0.0.1:{port}/www is " in said
    assert "s behind: " in said
    assert "refused" in said
    assert place.code("monitor", **targets) == 0, "without a limit it is only said"
    argv = ["rsync", "--daemon", "--no-detach", f"--port={port}", "--address=127.0.0.1"]
    with subprocess.Popen([*argv, f"--config={place.folder}/rsyncd.conf"]) as daemon:
        try:
            place.await_alike()
            eventually("no lag", lambda: place.code("monitor", max_lag="1", **targets) == 0)
            assert place.code("stop", **targets) == 0
        finally:
            daemon.terminate()


def test_a_stop_sends_what_waits(place: Place) -> None:
    assert place.code("start", delay="3600000") == 0
    (place.source / "page").write_text("the last words", encoding="utf-8")
    assert place.code("stop") == 0
    assert files(place.one) == files(place.two) == {"page": "the last words"}


def test_a_source_that_is_another_directory_empties_no_target(place: Place) -> None:
    (place.source / "page").write_text("1", encoding="utf-8")
    assert place.code("start", full_interval="1") == 0
    place.await_alike()
    place.source.rename(place.folder / "away")
    place.source.mkdir()
    eventually("it is seen", lambda: place.code("monitor") == 1)
    assert "is another directory now" in place.call("monitor").stderr
    assert files(place.one) == {"page": "1"}
    assert place.code("stop") == 0
    assert files(place.one) == {"page": "1"}


def test_killed_it_is_not_running_and_starts_anew(place: Place) -> None:
    assert place.code("start") == 0
    (pid_file,) = (place.folder / "run").glob("*.pid")
    os.kill(int(pid_file.read_text(encoding="ascii")), signal.SIGKILL)
    eventually("it is gone", lambda: place.code("monitor") == 7)
    assert place.code("start") == 0
    assert place.code("monitor") == 0


def test_in_haresources(place: Place) -> None:
    program = RA / "heartbeat/filesync"
    environment = {"PATH": os.environ["PATH"], "HA_RSCTMP": str(place.folder / "run")}

    def run(*words: str) -> int:
        return subprocess.run([program, *words], env=environment, capture_output=True, check=False).returncode

    words = [str(place.source), str(place.one), str(place.two)]
    assert run(*words, "status") == 3
    assert run(*words, "start") == 0
    assert run(*words, "status") == 0
    (place.source / "page").write_text("1", encoding="utf-8")
    place.await_alike()
    assert run(*words, "stop") == 0
    assert run(*words, "status") == 3
