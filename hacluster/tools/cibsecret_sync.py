"""The copies of secrets on the other nodes: whole resources are sent over ssh, as an archive on its standard input."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hacluster.base.results import Exit, Fault
from hacluster.base.secrets import KEPT_BELOW

TIMEOUT_S: Final = 30
CONNECT_S: Final = 10


def archive(resources: Sequence[str]) -> bytes:
    """The secrets of these resources that are kept here."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in resources:
            folder = Path(KEPT_BELOW) / name
            if folder.is_dir():
                tar.add(folder, arcname=name)
    return buffer.getvalue()


def send(node: str, resources: Sequence[str], data: bytes) -> str:
    """Have a node keep these and no others of the same resources; what went wrong, empty when nothing did."""
    where = shlex.quote(KEPT_BELOW)
    old = " ".join(shlex.quote(f"./{name}") for name in resources)
    script = f"umask 077 && mkdir -p {where} && cd {where} && rm -rf -- {old} && tar -xof -"
    batch = [] if sys.stdin.isatty() else ["-o", "BatchMode=yes"]
    argv = ["ssh", "-o", f"ConnectTimeout={CONNECT_S}", *batch, "--", f"root@{node}", script]
    try:
        done = subprocess.run(argv, input=data, capture_output=True, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"ssh took longer than {TIMEOUT_S} s"
    except OSError as error:
        return f"ssh cannot be run: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else f"ssh ended with exit status {done.returncode}"


def kept_here() -> list[str]:
    """The resources that have secrets here."""
    try:
        return sorted(entry.name for entry in Path(KEPT_BELOW).iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Fault(f"{KEPT_BELOW}: {error.strerror}", Exit.DENIED) from None


def copy_to_all(nodes: Sequence[str], resources: Sequence[str]) -> dict[str, str]:
    """Send the secrets of resources to nodes; for each that it did not reach, why."""
    if not resources:
        return {}
    data = archive(resources)
    found = {node: send(node, resources, data) for node in nodes}
    return {node: why for node, why in found.items() if why}
