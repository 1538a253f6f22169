"""What the processes of a node share: imported and built once, before the supervisor forks them.

A page of memory that a process writes to is its own from then on, and in CPython looking at an object writes to it. So
what is done before the fork is paid once, and what each process does at its start is paid by each.
"""

from __future__ import annotations

import importlib
from typing import Final

from hacluster.client.language import codec
from hacluster.config.settings import Seal
from hacluster.daemon.control import control_codec
from hacluster.daemon.launch import Launch
from hacluster.daemon.links import TYPES

_ROOMS: Final = ("heartbeat", "haresources", "lrm")
_LATE: Final = ("traceback", "encodings.idna")
_CIPHER: Final = "cryptography.hazmat.primitives.ciphers.aead"


def preload(launch: Launch) -> None:
    """Import the machines, and what is otherwise imported at its first use: a process that is not root any more may be
    unable to read it where it is. Build the codecs."""
    for room in _ROOMS:
        importlib.import_module(f"hacluster.{room}.machine")
    late = _LATE if launch.settings.own.seal is Seal.OFF else (*_LATE, _CIPHER)
    for module in late:
        importlib.import_module(module)
    for each in (codec(*TYPES), control_codec()):
        each.build()
