"""Where a tool finds the CIB: the file of ``CIB_file``, the shadow of ``CIB_shadow``, or the running cluster.

A tool asks :func:`open_source` and works with what it gets: reading and changing mean the same wherever it is.
The environment is Pacemaker's: a shadow goes before a file, ``CIB_user`` names the user whose access rights count,
``CIB_shadow_dir`` is where shadows lie.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from hacluster.base.results import Exit, Fault, bad_schema, no_such
from hacluster.cib.document import MAX_CIB_BYTES, XML
from hacluster.cib.markup import read_markup, show_markup

SHADOW_DIR: Final = "/var/lib/pacemaker/cib"
"""Where shadows lie when the environment does not say."""


class CibSource(Protocol):
    """A document that can be read and changed."""

    user: str | None
    """Whose rights count; ``None``: an administrator's."""

    force: bool
    """Whether changes are made without quorum, too."""

    live: bool
    """Whether it is the running cluster's. Who asks this need not load what speaks to the daemon."""

    def open(self) -> None:
        """Make sure that there is a document. Raises :class:`Fault`."""
        ...

    def read(self) -> XML:
        """The document, as far as the user may see it. Raises :class:`Fault`."""
        ...

    def change(self, operation: str, **request: Any) -> None:
        """Change the document. ``request`` as in :class:`hacluster.cib.operations.Request`."""
        ...

    def store(self, root: XML) -> None:
        """Put a document in the place of this one, as it is."""
        ...


def groups_of(user: str) -> tuple[str, ...]:
    """The groups of a user of this host."""
    import grp  # noqa: PLC0415 - only access control asks
    import pwd  # noqa: PLC0415

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return ()
    numbers = os.getgrouplist(user, entry.pw_gid)
    return tuple(group.gr_name for group in grp.getgrall() if group.gr_gid in numbers)


def accepted(root: XML) -> bool:
    """Whether a document is valid in the schema that it names; one that names none is taken as it is."""
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415 - compiling a grammar takes its time

    name = root.get("validate-with")
    if name == "none":
        return True
    from hacluster.base.report import has_errors  # noqa: PLC0415

    return not has_errors(installed_schemas().check(root))


def write_file(path: Path, text: str) -> None:
    """Put a text in the place of a file, whole or not at all; mode and owner stay."""
    target = path.resolve()
    old = target.stat() if target.exists() else None
    handle, name = tempfile.mkstemp(prefix=".cib.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o600 if old is None else old.st_mode & 0o7777)
        if old is not None and os.geteuid() == 0:
            os.chown(name, old.st_uid, old.st_gid)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class CibFile:
    """A CIB in a file. It is read once per tool, and written after each change that changed something."""

    live = False

    def __init__(self, path: Path, user: str | None = None) -> None:
        self.path = path
        self.user = user
        self.force = False
        self._root: XML | None = None

    def open(self) -> None:
        """Read the file."""
        self.read()

    def whole(self) -> XML:
        """The document, whoever asks. Raises :class:`Fault` for what is no valid CIB."""
        if self._root is None:
            self._root = self._load()
        return self._root

    def forget(self) -> None:
        """Read the file anew when it is asked for next."""
        self._root = None

    def _load(self) -> XML:
        from hacluster.client.keptcib import read_cib_file  # noqa: PLC0415 - the cluster's own is not in a file

        try:
            data = read_cib_file(self.path)
        except FileNotFoundError:
            raise no_such() from None
        except PermissionError:
            raise Fault("Permission denied", Exit.DENIED) from None
        except OSError as error:
            raise Fault(f"{self.path}: {error.strerror or error}", Exit.CONFIG) from None
        if len(data) > MAX_CIB_BYTES:
            raise Fault(f"{self.path}: a CIB has {MAX_CIB_BYTES >> 20} MiB at most", Exit.DATA)
        root = read_markup(data)
        if root is None or root.tag != "cib" or not accepted(root):
            raise bad_schema()
        if root.find("status") is None:
            from lxml import etree  # noqa: PLC0415 - loaded already, by what reads the file

            etree.SubElement(root, "status")
        return root

    def read(self) -> XML:
        """The document as far as the user may see it."""
        from hacluster.cib.operations import readable  # noqa: PLC0415 - a query of an administrator needs none of it

        return readable(self.whole(), self.user, groups_of(self.user)) if self.user is not None else self.whole()

    def change(self, operation: str, **request: Any) -> None:
        """Change the document and write it."""
        from hacluster.cib.operations import Request, change  # noqa: PLC0415 - reading needs none of it

        user = self.user
        asked = Request(operation, user=user, groups=() if user is None else groups_of(user), **request)
        root = self.whole()
        result = change(root, asked, accepted)
        if result is not root:
            self.store(result)

    def store(self, root: XML) -> None:
        """Write a document."""
        try:
            write_file(self.path, '<?xml version="1.0"?>\n' + show_markup(root))
        except OSError as error:
            raise Fault(error.strerror or "Input/output error", Exit.IO_ERROR) from None
        self._root = root


ON_NODE: Final = "OCF_RESKEY_CRM_meta_on_node"
"""The variable that tells an agent which node it works for."""


def is_live(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a tool works on the running cluster, and not on a file."""
    return not (environment.get("CIB_shadow") or environment.get("CIB_file"))


def own_node() -> str:
    """What the cluster calls this node: as agents are told, or as the daemon says; the host's name without one."""
    told = os.environ.get(ON_NODE)
    if told:
        return told
    if is_live():
        from hacluster.client.live import daemon_here  # noqa: PLC0415 - a file needs no daemon
        from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

        with contextlib.suppress(Fault):
            return daemon_here().ask(ViewQuery(), ViewStatus).own.name
    return socket.gethostname()


def shadow_path(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The file of a shadow."""
    folder = environment.get("CIB_shadow_dir") or SHADOW_DIR
    return Path(folder) / f"shadow.{name}"


def open_source(
    user: str | None = None, *, live: bool = False, environment: Mapping[str, str] = os.environ
) -> CibSource:
    """The CIB that the environment names; ``live``: what would be used if there were no shadow."""
    user = user or environment.get("CIB_user") or None
    if user in ("root", "hacluster"):
        user = None
    shadow = environment.get("CIB_shadow")
    if shadow and not live:
        return CibFile(shadow_path(shadow, environment), user)
    name = environment.get("CIB_file")
    if name:
        return CibFile(Path(name), user)
    from hacluster.client.live import LiveCluster  # noqa: PLC0415 - a file needs no daemon

    return LiveCluster(user)
