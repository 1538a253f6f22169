"""The wheel's man pages and completion files: made from the commands' tables when the wheel is built."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts them where man and bash look, below the prefix that the wheel is installed into."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is written; a development install needs none of it."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from hacluster.tools.pages import write  # noqa: PLC0415  the checkout is on the path only now

        # Not in the checkout: two builds of it may run at once, and it may be read-only.
        folder = self._folder = Path(tempfile.mkdtemp(prefix="hacluster-pages-"))
        write(folder)
        build_data["shared_data"][str(folder / "man8")] = "share/man/man8"
        build_data["shared_data"][str(folder / "completions")] = "share/bash-completion/completions"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called when the wheel is written: what it was made of goes."""
        if version != "editable":
            shutil.rmtree(self._folder)
