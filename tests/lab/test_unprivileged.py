"""The demo as an ordinary user, inside a user namespace that the user makes itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hacluster.lab.hosts import visible_paths
from tests.conftest import skip_or_fail

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

NOBODY = 65534
DEMO = [str(Path(sys.executable).parent / "hacluster"), "demo", "--plain"]
AS_NOBODY = f"""
set -e
mount --make-rprivate /
for home in $HIDDEN; do
    mkdir "$KEPT/$(basename "$home")"
    mount --rbind "$home" "$KEPT/$(basename "$home")"
done
for top in $TOPS; do mount -t tmpfs -o mode=755 none "$top"; done
for home in $HIDDEN; do
    mkdir -p "$home"
    mount --rbind "$KEPT/$(basename "$home")" "$home"
done
exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs \\
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp "$@"
"""
"""In a mount namespace of its own: what the interpreter needs is shown to everybody, should it lie in a closed home."""


def closed(path: str) -> str | None:
    """The outermost directory on the way to ``path`` that other users may not enter."""
    way = [Path(path), *Path(path).parents][::-1]
    return next((str(p) for p in way if not p.stat().st_mode & 0o001), None)


def as_nobody(argv: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as an ordinary user; as ourselves, if we are one."""
    place.mkdir()
    if os.geteuid() != 0:
        return subprocess.run(argv, capture_output=True, text=True, timeout=200, check=False)
    hidden = [path for path in visible_paths() if closed(path) is not None]
    tops = {top for path in hidden if (top := closed(path)) is not None}
    environment = {**os.environ, "HIDDEN": " ".join(hidden), "TOPS": " ".join(tops), "KEPT": str(place)}
    command = ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", *argv]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)


def test_the_demo_needs_no_privileges(tmp_path):
    for program in ("unshare", "setpriv"):
        if shutil.which(program) is None:
            skip_or_fail(f"the program {program} is missing (Debian: apt install util-linux)")
    trial = as_nobody(["unshare", "--user", "--map-root-user", "--net", "--mount", "true"], tmp_path / "a")
    if trial.returncode != 0:
        skip_or_fail(f"this system gives ordinary users no namespaces: {trial.stderr.strip()}")
    done = as_nobody(DEMO, tmp_path / "b")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for fault in ("service killed", "power-off", "cut off", "standby"):
        assert f"{fault}: no answer for" in done.stdout
    assert done.stdout.rstrip().endswith("everything the demo made is removed")
