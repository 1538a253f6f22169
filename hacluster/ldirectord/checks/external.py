"""Programs that look: ``checkcommand VIP-or-mark vport RIP rport`` exits with 0 for up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Final

from hacluster.ldirectord.checks.outcome import Down, one_line
from hacluster.lvs.settings import Check

_OUTPUT: Final = 65_536


async def external(check: Check) -> str:
    """Run the command; its whole process group ends when its time is over."""
    return await _run(check, *check.command.split())


async def external_perl(check: Check) -> str:
    """The script by perl(1), in a process of its own: what it does to its interpreter harms nobody."""
    return await _run(check, "perl", *check.command.split())


async def _run(check: Check, *argv: str) -> str:
    address, port = check.virtual
    words = (*argv, address, str(port), check.server[0], str(check.server[1]))
    child = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        said = await child.stdout.read(_OUTPUT)
        while await child.stdout.read(_OUTPUT):
            pass
        status = await child.wait()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    text = one_line(said.decode("utf-8", "replace"))
    if status != 0:
        raise Down(f"{argv[-1]} ended with {status}" + (f": {text}" if text else ""))
    return text or f"{argv[-1]} ended with 0"
