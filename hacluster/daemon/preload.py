"""What the processes of a node share: imported and built once, before the supervisor forks them.

A page of memory that a process writes to is its own from then on, and in CPython looking at an object writes to it. So
what is done before the fork is paid once, and what each process does at its start is paid by each.
"""

from __future__ import annotations

import gc
import importlib
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.client.language import codec
from hacluster.config.settings import Seal
from hacluster.daemon.control import control_codec
from hacluster.daemon.launch import Launch
from hacluster.daemon.links import TYPES
from hacluster.daemon.processes import circle_of
from hacluster.daemon.rehearsal import rehearse
from hacluster.node.assembly import NodeSettings

_LATE: Final = ("traceback", "encodings.idna")
_OF_THE_CIB: Final = ("hacluster.node.first", "difflib", "hacluster.client.schemas")
_CIPHER: Final = "cryptography.hazmat.primitives.ciphers.aead"


def preload(launch: Launch) -> None:
    """Import the machines, and what is otherwise imported at its first use: a process that is not root any more may be
    unable to read it where it is. Build the codecs."""
    layout = launch.settings.layout
    for machine in (machine for machines in layout.hosted.values() for machine in machines):
        # What thinks is large, and one process's alone: nothing of it would be shared.
        if machine is not MachineName.PENGINE:
            importlib.import_module(f"hacluster.{machine}.machine")
    late = _LATE if launch.settings.own.seal is Seal.OFF else (*_LATE, _CIPHER)
    late = (*late, *_OF_THE_CIB) if layout.replicates else late
    for module in late:
        importlib.import_module(module)
    circles = {circle_of(layout, name) for name in layout.hosted}
    for each in (*(codec(*TYPES, circle=circle) for circle in circles), control_codec()):
        each.build()


def settle(settings: NodeSettings) -> None:
    """The last thing before the first fork: everything is set up that sets itself up when it is used, and no collection
    of garbage looks at what there is now."""
    rehearse(settings)
    gc.collect()
    gc.freeze()
