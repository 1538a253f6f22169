"""Where the files are that come with the program: agents in ``ra/``, samples in ``conf/``.

In a checkout they stand beside the package; an installed wheel has them in ``share/hacluster`` under its prefix.
HACLUSTER_SHARE in the environment names another place (packagers; tests of an unpacked archive).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hacluster
from hacluster.base.errors import HaError


def shipped(name: str) -> Path:
    """The path of a shipped file or directory, such as ``ra`` or ``conf/httpd``; HaError when it is not there."""
    beside = Path(hacluster.__file__).resolve().parents[1]
    places = [Path(os.environ["HACLUSTER_SHARE"])] if os.environ.get("HACLUSTER_SHARE") else []
    places += [beside, Path(sys.prefix) / "share" / "hacluster"]
    for place in places:
        if (place / name).exists():
            return place / name
    raise HaError(f"{name} is missing: looked in {', '.join(str(place) for place in places)}")
