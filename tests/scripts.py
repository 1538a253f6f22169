"""Console scripts of the project, run in this process as a shell would run them."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from unittest import mock


@dataclass(frozen=True, slots=True)
class Done:
    """What a script said, and its exit status."""

    status: int
    out: str
    err: str


def play(
    script: Callable[[], object], argv: Sequence[str], environment: Mapping[str, str] | None = None, *, stdin: str = ""
) -> Done:
    """Run a console script with these arguments; what is in the environment for a CIB is only what is given."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    status = 0
    bare = {"CIB_file": "", "CIB_shadow": "", "CIB_user": ""}
    with (
        mock.patch.object(sys, "argv", list(argv)),
        mock.patch.object(sys, "stdin", given),
        mock.patch.dict("os.environ", bare | dict(environment or {})),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            script()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Done(status, out.getvalue(), err.getvalue())
