"""``crm_shadow``: a copy of the CIB to try changes in, and its way back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import DANGEROUS, Failed, Output, run

TOOL: Final = Tool(
    "crm_shadow",
    "Try changes of the configuration in a sandbox: tools work on a copy while CIB_shadow names it.",
    (
        Group("queries", "Queries:", (
            Option("which", "w", help="Indicate the active shadow copy"),
            Option("display", "p", help="Display the contents of the active shadow copy"),
            Option("diff", "d", help="Display the changes in the active shadow copy"),
            Option("file", "F", help="Display the location of the active shadow copy file"),
        )),
        Group("commands", "Commands:", (
            Option("create", "c", "NAME", "Create the named shadow copy of the active cluster configuration"),
            Option("create-empty", "e", "NAME", "Create the named shadow copy with an empty configuration"),
            Option("commit", "C", "NAME", "Upload the contents of the named shadow copy to the cluster"),
            Option("delete", "D", "NAME", "Delete the contents of the named shadow copy"),
            Option("edit", "E", help="Edit the contents of the active shadow copy with $EDITOR"),
            Option("reset", "r", "NAME", "Recreate the named shadow copy from the active cluster configuration"),
            Option("switch", "s", "NAME", "(Advanced) Switch to the named shadow copy"),
        )),
        Group("additional", "Additional Options:", (
            Option("force", "f", help="(Advanced) Force the action to be performed"),
            Option("batch", "b", help="(Advanced) Do not start a new shell"),
            Option("all", "a", help="(Advanced) Upload the whole CIB, including status, with --commit"),
            Option("validate-with", "v", "SCHEMA", "(Advanced) Create an older configuration version"),
        )),
    ),
)  # fmt: skip
_COMMANDS: Final = tuple(option.long for group in TOOL.groups[:2] for option in group.options)
_TAKEN: Final = (
    "A shadow instance '{}' already exists.\n  To prevent accidental destruction of the shadow file, the --force flag"
    " is required in order to proceed."
)


class _Call:
    def __init__(self, given: Given, out: Output) -> None:
        self.given, self.out = given, out
        self.active = os.environ.get("CIB_shadow") or None
        self.force = "force" in given

    def path(self, name: str) -> Path:
        """The file of a shadow."""
        from hacluster.client.cibsource import shadow_path  # noqa: PLC0415 - --help needs none of it

        return shadow_path(name)

    def needed(self) -> str:
        """The name of the active shadow."""
        if self.active is None:
            raise Failed("No active shadow configuration defined", Exit.NO_SUCH)
        return self.active

    def existing(self, name: str) -> Path:
        """The file of a shadow that is there."""
        path = self.path(name)
        if not path.exists():
            raise Failed(f"Could not access shadow instance '{name}': No such file or directory", Exit.NO_SUCH)
        return path

    def cluster(self) -> Any:
        """The CIB that the shadow is of."""
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - queries of the shadow need none of it

        return open_source(live=True)

    def read_cluster(self) -> Any:
        """Its contents."""
        try:
            return self.cluster().read()
        except Fault as error:
            raise Failed(f"Could not connect to the CIB: {error.text}", error.status) from None

    def write(self, name: str, root: Any) -> None:
        """Put a document into a shadow."""
        from hacluster.cib.markup import show_markup  # noqa: PLC0415 - loaded already
        from hacluster.client.cibsource import write_file  # noqa: PLC0415 - loaded already

        try:
            write_file(self.path(name), '<?xml version="1.0"?>\n' + show_markup(root))
        except OSError as error:
            status = Exit.NO_SUCH if isinstance(error, FileNotFoundError) else Exit.CANNOT_CREATE
            raise Failed(f"Could not create the shadow instance '{name}': {error.strerror}", status) from None

    def shell(self, name: str, *, switch: bool = False) -> int:
        """Start a shell that works on the shadow, or say how to begin."""
        if "batch" not in self.given and sys.stdin.isatty():
            shell = os.environ.get("SHELL") or "/bin/sh"
            self.out.line("Type Ctrl-D to exit the crm_shadow shell")
            self.out.flush()
            os.environ |= {"CIB_shadow": name, "PS1": f"shadow[{name}] # "}
            options = ["--norc", "--noprofile"] if shell.endswith("bash") else []
            os.execv(shell, [shell, *options])  # noqa: S606 - the user asked for this shell
        what = "To switch to the named shadow instance" if switch else (
            "A new shadow instance was created. To begin using it"
        )  # fmt: skip
        self.instruct(f"{what}, enter the following into your shell:", f"export CIB_shadow={name}")
        return Exit.OK

    def instruct(self, text: str, command: str) -> None:
        """What the user has to do in the shell."""
        self.out.line(text)
        self.out.line(f"\t{command}")
        self.out.tree(Tree("instruction", text=f"{text} {command}"))

    def which(self) -> int:
        name = self.needed()
        self.out.line(name)
        self.out.tree(Tree("shadow", {"instance": name}))
        return Exit.OK

    def file(self) -> int:
        name = self.needed()
        shown = f"{os.environ.get('CIB_shadow_dir') or self.path(name).parent}/shadow.{name}"
        self.out.line(shown)
        self.out.tree(Tree("shadow", {"file": shown}))
        return Exit.OK

    def contents(self, name: str) -> Any:
        """The document of a shadow."""
        from hacluster.client.cibsource import CibFile  # noqa: PLC0415 - --help needs none of it

        path = self.existing(name)
        try:
            return CibFile(path).read()
        except Fault as error:
            raise Failed(f"Could not read shadow instance '{name}': {error.text}", error.status) from None

    def display(self) -> int:
        from hacluster.cib.markup import show_markup  # noqa: PLC0415 - only this shows a document

        name = self.needed()
        text = show_markup(self.contents(name))
        self.out.raw(text)
        self.out.tree(Tree("shadow", {"instance": name}, [Tree("content", text=text, cdata=True)]))
        return Exit.OK

    def diff(self) -> int:
        from hacluster.cib.diff import make_patch  # noqa: PLC0415 - only this compares
        from hacluster.cib.patchtext import patch_lines  # noqa: PLC0415

        shadow = self.contents(self.needed())
        patch = make_patch(self.read_cluster(), shadow, digest=False)
        if patch is None:
            return Exit.OK
        for line in patch_lines(patch):
            self.out.line(line)
        if not self.out.is_text:
            from hacluster.cib.markup import show_markup  # noqa: PLC0415

            self.out.tree(Tree("xml-patchset", text=show_markup(patch), cdata=True))
        return Exit.ERROR

    def create(self, name: str) -> int:
        if self.path(name).exists() and not self.force:
            raise Failed(_TAKEN.format(name), Exit.CANNOT_CREATE, bare=True)
        self.write(name, self.read_cluster())
        return self.shell(name)

    def create_empty(self, name: str) -> int:
        from hacluster.cib.grammar import PREFIX, WRITTEN  # noqa: PLC0415 - only this makes a document
        from hacluster.cib.operations import empty  # noqa: PLC0415

        if self.path(name).exists() and not self.force:
            raise Failed(_TAKEN.format(name), Exit.CANNOT_CREATE, bare=True)
        root = empty(self.given.get("validate-with") or PREFIX + WRITTEN)
        root.set("epoch", "0")
        self.write(name, root)
        return self.shell(name)

    def commit(self, name: str) -> int:
        if not self.force:
            raise Failed(DANGEROUS, Exit.USAGE)
        root = self.contents(name)
        section = None if "all" in self.given else root.find("configuration")
        source = self.cluster()
        try:
            source.change("replace", scope=None if section is None else "configuration",
                          data=root if section is None else section)  # fmt: skip
        except Fault as error:
            raise Failed(f"Could not commit shadow instance '{name}' to the CIB: {error.text}", error.status) from None
        self.forget(name)
        return Exit.OK

    def delete(self, name: str) -> int:
        if not self.force:
            raise Failed(DANGEROUS, Exit.USAGE)
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Failed(f"Could not remove shadow instance '{name}': {error.strerror}", Exit.NO_SUCH) from None
        self.forget(name)
        return Exit.OK

    def forget(self, name: str) -> None:
        """Remind of the variable that still names a shadow."""
        if self.active == name:
            self.instruct("Remember to unset the CIB_shadow variable by entering the following into your shell:",
                          "unset CIB_shadow")  # fmt: skip

    def reset(self, name: str) -> int:
        self.existing(name)
        if not self.force:
            raise Failed(
                "The reset command overwrites the active shadow configuration.\nTo prevent accidental destruction of"
                " the shadow file, the --force flag is required in order to proceed.", Exit.USAGE
            )  # fmt: skip
        self.write(name, self.read_cluster())
        return self.shell(name)

    def switch(self, name: str) -> int:
        self.existing(name)
        return self.shell(name, switch=True)

    def edit(self) -> int:
        path = self.existing(self.needed())
        editor = os.environ.get("EDITOR")
        if not editor:
            raise Failed("No value for EDITOR defined", Exit.NO_SUCH)
        status = subprocess.run([*editor.split(), str(path)], check=False).returncode
        if status != 0:
            raise Failed(f"Could not invoke $EDITOR ({editor}): it ended with {status}", Exit.ERROR)
        return Exit.OK


def main(given: Given, out: Output) -> int:
    """The last command."""
    command = given.last_of(*_COMMANDS)
    if command is None:
        raise UsageError("No query or command option supplied")
    call = _Call(given, out)
    perform = getattr(call, command.replace("-", "_"))
    name = given.get(command)
    return int(
        perform(name) if command in ("create", "create-empty", "commit", "delete", "reset", "switch") else perform()
    )


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
