"""``cibsecret``: parameters of resources that are secret, kept in files of root's instead of in the CIB."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any, Final

from hacluster import __version__
from hacluster.base.results import Exit, Fault
from hacluster.base.secrets import ELSEWHERE, KEPT_BELOW
from hacluster.tools.words import complain, end

_ARGUMENTS: Final = {
    "set": ("<resource-id>", "<resource-parameter>", "<value>"), "get": ("<resource-id>", "<resource-parameter>"),
    "check": ("<resource-id>", "<resource-parameter>"), "stash": ("<resource-id>", "<resource-parameter>"),
    "unstash": ("<resource-id>", "<resource-parameter>"), "delete": ("<resource-id>", "<resource-parameter>"),
    "sync": (),
}  # fmt: skip
_HELP: Final = """cibsecret - manage parameters of resources that are secret

Usage:
  cibsecret [-C] COMMAND [ARGUMENT…]

Options:
  --help       Show this text
  --version    Display software version and exit
  -C           Do not read or write the CIB

Commands:
  set RSC PARAM VALUE   Keep the value of a parameter as a secret; '-' reads it from standard input
  get RSC PARAM         Show the secret that is kept here
  check RSC PARAM       Check the secret that is kept here against its digest
  stash RSC PARAM       Make a secret of a value that stands in the CIB
  unstash RSC PARAM     Put the value of a secret into the CIB
  delete RSC PARAM      Forget a secret
  sync                  Copy all secrets to the other nodes (needs a running cluster)

Each change is copied to the other nodes of a running cluster, by ssh as root, before the CIB names it.

Secrets are files below /var/lib/pacemaker/lrm/secrets that root alone can read.
"""


class _Failed(Exception):  # noqa: N818 - a message and a status, not only an error
    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def _file(rsc: str, param: str) -> Path:
    if "/" in rsc or "/" in param or rsc in (".", "..") or param in (".", ".."):
        raise _Failed("a resource or parameter has no '/' in its name", Exit.USAGE)
    return Path(KEPT_BELOW) / rsc / param


def _read(rsc: str, param: str) -> str:
    try:
        return _file(rsc, param).read_text().removesuffix("\n")
    except OSError as error:
        raise _Failed(f"could not read the secret {param} of {rsc}: {error.strerror}", Exit.NO_SUCH) from None


def _digest(value: str) -> str:
    return hashlib.md5(f"{value}\n".encode(), usedforsecurity=False).hexdigest()


def _write(rsc: str, param: str, value: str) -> None:
    path = _file(rsc, param)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in ((path, value), (path.with_name(f"{path.name}.sign"), _digest(value))):
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f"{text}\n")
    except OSError as error:
        raise _Failed(f"could not keep the secret {param} of {rsc}: {error.strerror}", Exit.ERROR) from None


def _remove(rsc: str, param: str) -> None:
    path = _file(rsc, param)
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.sign").unlink(missing_ok=True)


class _Cib:
    """The parameter's value in the CIB."""

    def __init__(self, rsc: str, param: str) -> None:
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - with -C nobody asks

        self.source = open_source()
        root = self.source.read()
        xpath = "//*[@id=$rsc]/instance_attributes/nvpair[@name=$param]"
        found: Any = root.xpath(xpath, rsc=rsc, param=param)
        self.pair = found[0] if found else None
        own = [node for node in root.iterfind("configuration/nodes/node") if node.get("type") in (None, "member")]
        self.nodes = frozenset(str(node.get("uname")) for node in own)
        self.known = bool(root.xpath("/cib/configuration/resources//*[@id=$rsc]", rsc=rsc))
        self.rsc, self.param = rsc, param

    @property
    def value(self) -> str | None:
        return None if self.pair is None else self.pair.get("value")

    def put(self, value: str) -> None:
        from hacluster.tools.crm_resource import set_parameter  # noqa: PLC0415 - one door for parameters

        set_parameter(self.source, self.rsc, self.param, value)

    def drop(self) -> None:
        import copy  # noqa: PLC0415 - only a deletion needs it

        if self.pair is not None:
            self.source.change("delete", scope="resources", data=copy.copy(self.pair))


def _perform(command: str, words: list[str], cib: _Cib | None) -> int:
    rsc, param = [*words, "", ""][:2]
    if cib is not None and rsc and not cib.known:
        raise _Failed(f"there is no resource '{rsc}'", Exit.NO_SUCH)
    match command:
        case "get":
            print(_read(rsc, param))
        case "check":
            sign = _file(rsc, param).with_name(f"{param}.sign")
            if not sign.exists() or sign.read_text().strip() != _digest(_read(rsc, param)):
                raise _Failed(f"the secret {param} of {rsc} is not what its digest says", Exit.DIGEST)
        case "set" | "stash":
            value = words[2] if command == "set" else (None if cib is None else cib.value)
            value = sys.stdin.readline().removesuffix("\n") if command == "set" and value == "-" else value
            if value is None:
                raise _Failed(f"{rsc} has no {param} to make a secret of", Exit.NO_SUCH)
            if command == "stash" and value == ELSEWHERE:
                raise _Failed(f"{param} of {rsc} is a secret already", Exit.EXISTS)
            _write(rsc, param, value)
            _copy([rsc], cib)
            if cib is not None:
                cib.put(ELSEWHERE)
        case "unstash":
            if cib is None or cib.value != ELSEWHERE:
                raise _Failed(f"{param} of {rsc} is no secret in the CIB", Exit.NO_SUCH)
            cib.put(_read(rsc, param))
            _remove(rsc, param)
            _copy([rsc], cib)
        case "delete":
            if cib is not None:
                cib.drop()
            _remove(rsc, param)
            _copy([rsc], cib)
        case _:
            from hacluster.client.live import LiveCluster  # noqa: PLC0415 - one command alone
            from hacluster.tools.cibsecret_sync import kept_here  # noqa: PLC0415

            if cib is None or not isinstance(cib.source, LiveCluster):
                text = "could not copy secrets: there is no running cluster that names the nodes"
                raise _Failed(text, Exit.DISCONNECTED)
            _copy(kept_here(), cib)
    return Exit.OK


def _copy(resources: list[str], cib: _Cib | None) -> None:
    """Bring the secrets of resources to the other nodes of a running cluster: what is no member is only named."""
    from hacluster.client.live import LiveCluster  # noqa: PLC0415 - with -C nobody asks

    if cib is None or not isinstance(cib.source, LiveCluster):
        return
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415
    from hacluster.tools.cibsecret_sync import copy_to_all  # noqa: PLC0415

    status = cib.source.daemon.ask(ViewQuery(), ViewStatus)
    present = status.view.names if status.view is not None else frozenset[str]()
    others = sorted(name for name in cib.nodes if name != status.own.name)
    for name in others:
        if name not in present:
            complain(f"cibsecret: {name} is no member: run 'cibsecret sync' when it is back")
    failed = copy_to_all([name for name in others if name in present], resources)
    if failed:
        text = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise _Failed(f"could not copy secrets: {text}", Exit.ERROR)


def _main() -> int:
    words = sys.argv[1:]
    if "--help" in words:
        print(_HELP, end="")
        return Exit.OK
    if "--version" in words:
        print(f"Pacemaker {__version__} (hacluster)")
        return Exit.OK
    bare = "-C" in words
    words = [word for word in words if word != "-C"]
    if not words or words[0] not in _ARGUMENTS:
        complain("cibsecret: " + (f"unknown command '{words[0]}'" if words else "no command was given"))
        print(_HELP, end="")
        return Exit.USAGE
    command, *given = words
    if len(given) != len(_ARGUMENTS[command]):
        complain(" ".join(("cibsecret: Usage:", command, *_ARGUMENTS[command])))
        return Exit.USAGE
    if bare and command in ("stash", "unstash"):
        complain(f"cibsecret: {command} needs the CIB, so -C makes no sense with it")
        return Exit.USAGE
    try:
        with_cib = not bare and command in ("set", "stash", "unstash", "delete", "sync")
        rsc, param = [*given, "", ""][:2]
        return _perform(command, given, _Cib(rsc, param) if with_cib else None)
    except _Failed as error:
        complain(f"cibsecret: {error}")
        return error.status
    except Fault as error:
        complain(f"cibsecret: the CIB cannot be used: {error.text}")
        return error.status


def script() -> None:
    """The stand-alone command."""
    end(_main)
