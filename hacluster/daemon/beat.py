"""When the last heartbeat of this node left, for those who must not hold on to resources without one.

The time stands in memory that the processes of a node share: the pulse notes it, and to read it nobody has to be asked.
A pulse that hangs, that cannot be ended, or that may not speak because its disk does not write looks the same from
here: nothing leaves, and the other node takes everything when deadtime is over. So when three quarters of it have
passed the brain gives everything up (``Mute``).
"""

from __future__ import annotations

import asyncio
import mmap
import struct
from collections.abc import Callable
from typing import Final

from hacluster.base.limits import WATCHDOG_LEASE_MS
from hacluster.base.machine import Instant, after
from hacluster.daemon import clock
from hacluster.msg.membership import Mute
from hacluster.node.vigil import Look, Vigil, mute_bound_ms

_FORM: Final = struct.Struct("q")
_RENEW_S: Final = WATCHDOG_LEASE_MS / 6_000


class Beat:
    """The shared note; made before the processes are forked."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def mark(self) -> None:
        """A heartbeat leaves."""
        _FORM.pack_into(self._memory, 0, clock.now())

    def excuse(self, until: Instant) -> None:
        """The others were asked to be patient until then: the pulse is exchanged."""
        _FORM.pack_into(self._memory, _FORM.size, until)

    @property
    def excused_until(self) -> Instant:
        """Until when silence is nothing."""
        return Instant(_FORM.unpack_from(self._memory, _FORM.size)[0])

    def let(self, until: Instant) -> None:
        """The watchdog may be fed until then."""
        _FORM.pack_into(self._memory, 2 * _FORM.size, until)

    @property
    def fit_until(self) -> Instant:
        """Until when the brain vouches for this node."""
        return Instant(_FORM.unpack_from(self._memory, 2 * _FORM.size)[0])

    @property
    def last(self) -> Instant:
        """When the last one left; 0 when none has."""
        return Instant(_FORM.unpack_from(self._memory, 0)[0])


class Lease:
    """What the brain says of this node to whoever feeds its watchdog: a short while at a time, as long as all is well.

    A brain that dies or hangs says nothing more; a new life of it begins by vouching, and says otherwise when it knows
    better.
    """

    def __init__(self, beat: Beat) -> None:
        self._beat, self._fit = beat, True
        self._timer: asyncio.TimerHandle | None = None
        self._renew()

    def vouch(self, fit: bool) -> None:
        """From now on it is so."""
        self._fit = fit
        if fit:
            self._beat.let(after(clock.now(), WATCHDOG_LEASE_MS))

    def _renew(self) -> None:
        self.vouch(self._fit)
        self._timer = asyncio.get_running_loop().call_later(_RENEW_S, self._renew)

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()


class BeatWatch:
    """Tells when no heartbeat has left for too long, once for each such time."""

    def __init__(self, beat: Beat, deadtime_ms: int, tell: Callable[[Mute], None]) -> None:
        self._beat = beat
        self._tell = tell
        self._seen = beat.last
        self._vigil = Vigil(mute_bound_ms(deadtime_ms), clock.now())
        self._told = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on."""
        delay = max(0, self._vigil.deadline() - clock.now()) / 1000
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        now, last = clock.now(), self._beat.last
        if last != self._seen:
            self._seen, self._told = last, False
            self._vigil.heard()
        elif now < self._beat.excused_until:
            self._vigil.heard()
        if self._vigil.look(now) is Look.HUNG and last and not self._told:
            self._told = True
            self._tell(Mute(now - last))
        self.start()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
