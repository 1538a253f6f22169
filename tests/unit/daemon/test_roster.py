"""Agents that the hands left half done are ended, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from hacluster.daemon.roster import NAME, Roster, birth

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]


@pytest.fixture
def agent():
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_an_agent_of_the_life_before_is_killed(tmp_path, agent):
    Roster(str(tmp_path)).add(agent.pid)
    assert Roster(str(tmp_path)).end_leftovers() == [agent.pid]
    assert agent.wait() == -signal.SIGKILL


def test_its_whole_group_dies_with_it(tmp_path):
    script = f"{sys.executable} -I -S -c 'import time; print(1, flush=True); time.sleep(60)'; echo over"
    agent = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert agent.stdout is not None
    agent.stdout.readline()
    Roster(str(tmp_path)).add(agent.pid)
    Roster(str(tmp_path)).end_leftovers()
    assert agent.stdout.read() == b""
    agent.stdout.close()
    agent.wait()


def test_one_that_ended_in_time_is_no_leftover(tmp_path, agent):
    roster = Roster(str(tmp_path))
    roster.add(agent.pid)
    roster.remove(agent.pid)
    assert Roster(str(tmp_path)).end_leftovers() == []
    assert agent.poll() is None


def test_a_signal_for_all_of_them(tmp_path, agent):
    Roster(str(tmp_path)).add(agent.pid)
    Roster(str(tmp_path)).signal_leftovers(signal.SIGTERM)
    assert agent.wait() == -signal.SIGTERM
    Roster(str(tmp_path)).signal_leftovers(signal.SIGTERM)


def test_another_process_with_the_same_number_is_left_alone(tmp_path, agent):
    began = birth(agent.pid)
    assert began is not None
    (tmp_path / NAME).write_text(f"{agent.pid} {began + 1}\n")
    assert Roster(str(tmp_path)).end_leftovers() == []
    assert agent.poll() is None


def test_services_in_the_group_of_an_agent_that_ended_live_on(tmp_path):
    """As an init script leaves them: in its group, while it is gone (here: not even reaped)."""
    script = f"{' '.join(SLEEPER[:-1])} '{SLEEPER[-1]}' & echo $!"
    agent = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    roster = Roster(str(tmp_path))
    roster.add(agent.pid)
    assert agent.stdout is not None
    service = int(agent.stdout.readline())
    while birth(agent.pid) is not None:
        time.sleep(0.01)
    assert Roster(str(tmp_path)).end_leftovers() == []
    assert birth(service) is not None
    os.kill(service, signal.SIGKILL)
    agent.stdout.close()
    agent.wait()


@pytest.mark.parametrize("text", ["", "x y\n", "1\n", "-1 5\n", "99999999 1\n", "\0" * 100])
def test_an_unreadable_file_ends_nobody(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert Roster(str(tmp_path)).end_leftovers() == []


def test_a_directory_that_cannot_be_written_costs_nothing(tmp_path, agent):
    roster = Roster(str(tmp_path / "missing"))
    roster.add(agent.pid)
    roster.remove(agent.pid)
    assert roster.end_leftovers() == []
