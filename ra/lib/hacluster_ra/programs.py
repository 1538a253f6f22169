"""Running a program of util-linux."""

from __future__ import annotations

from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.ocf import Failure

PACKAGES = {"mount": "mount", "umount": "mount", "blkid": "util-linux", "findfs": "util-linux"}


def run(argv: Sequence[str], wait_s: float | None = None) -> tuple[int, str]:
    """Exit code and what it said. One that does not end in ``wait_s`` is killed, and fails."""
    import subprocess

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=wait_s,
        )
    except FileNotFoundError:
        package = PACKAGES.get(argv[0], argv[0])
        reason = f"the program {argv[0]} is missing (Debian: apt install {package})"
        raise Failure(ocf.ERR_INSTALLED, reason) from None
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]} does not end"
    return done.returncode, done.stdout.decode(errors="replace").strip()
