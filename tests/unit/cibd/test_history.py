"""The numbered history goes on where the last life was."""

from __future__ import annotations

from hacluster.base.effects import Append, Persist
from hacluster.base.members import ViewId
from hacluster.base.step import Step
from hacluster.base.writes import Writes
from hacluster.cib.store import Record, RequestId
from hacluster.cib.voters import voters_of
from hacluster.cibd.replica import KEYS, Replica
from hacluster.cibd.rules import Rules
from hacluster.cibd.settings import CibdSettings
from hacluster.sim.crm.ring import RingSetup, write_of

VOTERS = voters_of("a")
VIEW = ViewId(1, "a", 1, 1)


class Life:
    """One life of a copy on files that outlive it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.step = Step("cibd")
        content = RingSetup(("a",), VOTERS).first_content()
        settings = CibdSettings("a", content, VOTERS, init=True, journal_bytes=0)
        self.replica = Replica(settings, Rules(), Writes(), self.step)
        for key in KEYS:
            self.replica.on_restored(key, files.get(key))
        self.sync()

    def sync(self) -> None:
        for effect in self.step.out:
            if isinstance(effect, Persist):
                self.files[effect.key] = effect.data
            elif isinstance(effect, Append):
                self.files[effect.key] = self.files.get(effect.key, b"") + effect.data
        self.step.out.clear()

    def write(self, name: str) -> None:
        store = self.replica.store
        seq = store.position.seq + 1
        prepared = store.prepare(Record(VIEW, seq, write_of(name), RequestId(VIEW, seq - 1, name), False, ""))
        store.append(prepared)
        list(store.commit(seq))
        self.replica.journal(prepared.record)
        self.sync()


def numbered(files: dict[str, bytes]) -> list[str]:
    return sorted(name for name in files if name.removeprefix("cib-").removesuffix(".xml").isdigit())


def test_a_new_life_overwrites_nothing_of_the_history() -> None:
    files: dict[str, bytes] = {}
    life = Life(files)
    life.write("one")
    life.write("two")
    assert numbered(files) == ["cib-1.xml", "cib-2.xml"]
    first = files["cib-1.xml"]
    assert b"w-one" not in first
    Life(files).write("three")
    assert numbered(files) == ["cib-1.xml", "cib-2.xml", "cib-3.xml"]
    assert files["cib-1.xml"] == first
    assert b"w-two" in files["cib-3.xml"]


def test_a_number_that_cannot_be_read_counts_for_nothing() -> None:
    files: dict[str, bytes] = {"cib.last": b"\xff\n"}
    Life(files).write("one")
    assert numbered(files) == ["cib-1.xml"]
