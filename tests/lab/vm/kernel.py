"""A kernel with IPVS for throw-away machines: Debian's own, prepared once and kept in the user's cache.

``python -m tests.lab.vm.kernel`` prepares it. Nothing is installed: apt downloads two packages, which are unpacked.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "linux-image-amd64"
"""Not the variant for clouds, which has neither 9p nor IPVS."""

BOOT_MODULES: Final = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
"""What is needed before the root is there."""

INIT: Final = Path(__file__).with_name("init.sh")
_SIGNED: Final = b"~Module signature appended~\n"
_FORM: Final = 3
"""Changes when what is kept in the cache changes."""


class NoMachineError(Exception):
    """A virtual machine cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Paths: the kernel, its initial file system, and the directory that is to be ``/lib/modules``."""

    version: str
    image: str
    initrd: str
    modules: str


def cache() -> Path:
    """Where it is kept: HACLUSTER_VM_CACHE, or ``hacluster/vm`` in the user's cache."""
    own = os.environ.get("HACLUSTER_VM_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hacluster/vm"


def kernel() -> Kernel:
    """The kernel; prepared now when it is not there (half a minute). :class:`NoMachineError` when it cannot be."""
    place = cache()
    if (found := _ready(place)) is not None:
        return found
    try:
        place.mkdir(parents=True, exist_ok=True)
        with open(place / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _ready(place) or _prepare(place)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or ""
        raise NoMachineError(f"no kernel for virtual machines: {error} {said}".strip()) from None


def _ready(place: Path) -> Kernel | None:
    try:
        known = json.loads((place / "ready").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Kernel(**known["kernel"]) if known["form"] == _FORM else None


def _prepare(place: Path) -> Kernel:
    tree = place / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    for package in (_image_package(), "busybox-static"):
        for old in place.glob(f"{package}_*.deb"):
            old.unlink()
        _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, folder=place)
        (deb,) = place.glob(f"{package}_*.deb")
        _run("dpkg-deb", "-x", str(deb), str(tree))
        deb.unlink()
    (packed,) = (tree / "boot").glob("vmlinuz-*")
    version = packed.name.removeprefix("vmlinuz-")
    (folder,) = [path for path in (tree / "lib/modules", tree / "usr/lib/modules") if (path / version).is_dir()]
    for module in (folder / version).rglob("*.ko"):
        _cut_signature(module)
    _run("depmod", "-b", str(folder.parents[1]), version)
    image, initrd = place / "vmlinux", place / "initrd"
    image.write_bytes(_unpacked(packed.read_bytes()))
    initrd.write_bytes(_initrd(tree / "bin/busybox", folder / version))
    made = Kernel(version, str(image), str(initrd), str(folder))
    (place / "ready.new").write_text(json.dumps({"form": _FORM, "kernel": asdict(made)}), encoding="utf-8")
    (place / "ready.new").rename(place / "ready")
    return made


def _image_package() -> str:
    """What the meta-package stands for now; the lists of packages are fetched when apt does not know it."""
    for _ in range(2):
        said = _run("apt-cache", "depends", "--important", PACKAGE, check=False)
        if found := re.search(r"Depends: (linux-image-\S+)", said):
            return found[1]
        _run("apt-get", "-q", "update")
    raise NoMachineError(f"apt knows no {PACKAGE}")


def _run(*argv: str, folder: Path | None = None, check: bool = True) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C"}
    done = subprocess.run(
        argv,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode:
        raise NoMachineError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _unpacked(image: bytes) -> bytes:
    """The kernel without its compression, which an emulated machine would undo slowly; as it is when that fails."""
    kinds: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
        (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor().decompress(data)),
        (b"\x1f\x8b\x08", gzip.decompress),
    )
    for magic, unpack in kinds:
        for found in re.finditer(re.escape(magic), image):
            try:
                data = unpack(image[found.start() :])
            except (lzma.LZMAError, OSError, EOFError):
                continue
            if data.startswith(b"\x7fELF"):
                return data
    return image


def _cut_signature(module: Path) -> None:
    """Take the signature off: to verify one costs an emulated machine more than to load the module."""
    data = module.read_bytes()
    if data.endswith(_SIGNED):
        end = len(data) - len(_SIGNED)
        (length,) = struct.unpack(">I", data[end - 4 : end])
        module.write_bytes(data[: end - 12 - length])


def _initrd(busybox: Path, modules: Path) -> bytes:
    paths = list(_in_order(modules))
    entries = [(name, 0o40755, b"") for name in ("bin", "dev", "proc", "sys", "host", "own", "new", "modules")]
    entries += [("bin/busybox", 0o100755, busybox.read_bytes()), ("bin/sh", 0o120777, b"busybox")]
    entries += [(f"modules/{path.name}", 0o100644, path.read_bytes()) for path in paths]
    entries.append(("order", 0o100644, "".join(f"/modules/{path.name}\n" for path in paths).encode()))
    entries.append(("init", 0o100755, INIT.read_bytes()))
    return _cpio(entries)


def _in_order(modules: Path) -> Iterator[Path]:
    """The modules of the boot, each after those that it needs."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    by_name = {Path(path).name.removesuffix(".ko").replace("-", "_"): path for path in needs}
    done: dict[str, None] = {}

    def visit(path: str) -> None:
        for other in needs[path]:
            visit(other)
        done[path] = None

    for name in BOOT_MODULES:
        if name in by_name:
            visit(by_name[name])
    for path in done:
        yield modules / path


def _cpio(entries: list[tuple[str, int, bytes]]) -> bytes:
    """An archive in the form "newc" (cpio(5)) of (name, mode, content)."""
    archive = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        named = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(named), 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + named, data):
            archive += part
            archive += bytes(-len(archive) % 4)
    return bytes(archive)


if __name__ == "__main__":
    try:
        print(f"kernel {kernel().version} for virtual machines is in {cache()}")
    except NoMachineError as fault:
        sys.exit(str(fault))
