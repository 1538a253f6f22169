"""Settings of the whole host below /proc/sys, which several resources of one type need.

They share a note of what each setting was. The last that stops puts them back, where nobody has changed them since.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping

from hacluster_ra import ocf

SETTINGS = ocf.file_name("host settings")


def read(name: str) -> str:
    """The value of a setting, empty when there is none such."""
    return (ocf.read_file(f"/proc/sys/{name}") or "").strip()


def _write(name: str, value: str) -> None:
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
        file.write(value)


def lock(kind: str) -> int:
    """Held until this process ends: one at a time changes the settings."""
    path = os.path.join(ocf.state_directory(), f"hacluster-{kind}.lock")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def wrong(wanted: Mapping[str, str]) -> str:
    """What is not as it is wanted, in words; empty when all is."""
    return "; ".join(f"{name} is {read(name)}" for name, value in wanted.items() if read(name) != value)


def bring_about(kind: str, wanted: Mapping[str, str]) -> None:
    """Set them, after a note of what each was before the first of this type changed it. Under the lock."""
    path = ocf.record_path(kind, SETTINGS)
    lines = ocf.read_record(path).splitlines()
    known = {line.split()[0] for line in lines if line}
    lines += [f"{name} {read(name)} {value}" for name, value in wanted.items() if name not in known]
    ocf.write_record(path, "\n".join(lines) + "\n")
    for name, value in wanted.items():
        if read(name) != value:
            _write(name, value)


def resources(kind: str) -> list[str]:
    """Paths of the records of the resources of this type that run here."""
    start = f"hacluster-{kind}-"
    note = ocf.record_path(kind, SETTINGS)
    paths = [os.path.join(ocf.records(), name) for name in os.listdir(ocf.records()) if name.startswith(start)]
    return [path for path in paths if os.path.basename(path) != os.path.basename(note)]


def put_back(kind: str) -> None:
    """Undo them when no resource of this type is left. Under the lock, and after its own record is gone."""
    if resources(kind):
        return
    path = ocf.record_path(kind, SETTINGS)
    for line in ocf.read_record(path).splitlines():
        name, _, values = line.partition(" ")
        before, _, ours = values.partition(" ")
        if before and read(name) == ours != before:
            _write(name, before)
    ocf.remove_record(path)
