"""The wheel's man pages and completion files: made from the commands' tables when the wheel is built."""

from __future__ import annotations

import shutil
import sys
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

        folder = Path(self.root) / "build" / "pages"
        shutil.rmtree(folder, ignore_errors=True)
        write(folder)
        build_data["shared_data"][str(folder / "man8")] = "share/man/man8"
        build_data["shared_data"][str(folder / "completions")] = "share/bash-completion/completions"
