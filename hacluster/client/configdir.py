"""Reading the configuration directory: the only I/O between the files and :mod:`hacluster.config`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from hacluster.client.hostfacts import host_facts
from hacluster.config.directory import Checked, DirectoryTexts, FileText, check_directory
from hacluster.config.facts import HostFacts
from hacluster.config.hacluster_cf import parse_hacluster_cf
from hacluster.config.haresources import parse_haresources

DEFAULT_DIR: Final = Path("/etc/ha.d")

MAX_FILE: Final = 1_048_576
"""Bytes of a configuration file; a larger one is not read."""


def read_file(path: Path) -> FileText:
    """The file at ``path``; what hinders reading it is in ``problem``. Bytes that are no UTF-8 become escapes."""
    name = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return FileText(name, None)
    except OSError as error:
        return FileText(name, None, problem=f"the file cannot be read: {error.strerror}")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return FileText(name, None, problem="this is not a regular file")
        data = _read(descriptor)
    except OSError as error:
        return FileText(name, None, problem=f"the file cannot be read: {error.strerror}")
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE:
        return FileText(name, None, problem=f"the file has more than {MAX_FILE} bytes")
    text = data.decode("utf-8", "surrogateescape")
    return FileText(name, text, stat.S_IMODE(status.st_mode), status.st_uid)


def _read(descriptor: int) -> bytes:
    """All bytes of an open file, but not many more than :data:`MAX_FILE`."""
    data = b""
    while len(data) <= MAX_FILE and (piece := os.read(descriptor, MAX_FILE)):
        data += piece
    return data


def read_texts(directory: Path) -> DirectoryTexts:
    """The four files of ``directory``, the key file if hacluster.cf names one, and the settings of OCF resources."""
    hacluster = read_file(directory / "hacluster.cf")
    config, _ = parse_hacluster_cf(hacluster.text or "", hacluster.name)
    named = config.seal_key if config else None
    haresources = read_file(directory / "haresources")
    resources, _ = parse_haresources(haresources.text or "", haresources.name)
    instances = resources.instances() if resources else ()
    return DirectoryTexts(
        ha=read_file(directory / "ha.cf"),
        authkeys=read_file(directory / "authkeys"),
        haresources=haresources,
        hacluster=hacluster,
        seal_key=read_file(Path(named)) if named else None,
        instances={key: read_file(directory.joinpath("conf", "OCF", *key)) for key in instances},
    )


def check_config_dir(directory: Path = DEFAULT_DIR, *, host: HostFacts | None = None) -> Checked:
    """Read ``directory`` and check it against ``host``, by default this one. It never raises for what it finds."""
    facts = host_facts(directory) if host is None else host
    return check_directory(read_texts(directory), facts, own_uid=os.getuid())
