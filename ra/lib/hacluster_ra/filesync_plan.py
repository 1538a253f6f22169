"""When filesync sends what to which target. No clock and no files here: time comes in, in seconds."""

from __future__ import annotations

from collections.abc import Iterable

MOST_DIRECTORIES = 500
"""Beyond so many changed directories the whole tree is compared, which is cheaper then."""

PATIENCE = 10
"""A burst that does not end is sent after so many times the quiet time that is waited for."""


class Target:
    """What one target lacks. Targets know nothing of one another: one that is down holds no other up.

    ``since``: when the oldest change was seen that it does not have yet, ``None`` when it has all. ``whole``: the whole
    tree is to be compared; else ``directories``, each with what is directly in it. ``running``: what is being sent.
    """

    def __init__(self, name: str, quiet_s: float, retry_s: float, retry_max_s: float) -> None:
        self.name = name
        self.error = ""
        self.failures = 0
        self.finished: float | None = None
        self.since: float | None = None
        self.running: tuple[bool, frozenset[str]] | None = None
        self._quiet_s, self._retry_s, self._retry_max_s = quiet_s, retry_s, retry_max_s
        self._whole = False
        self._directories: set[str] = set()
        self._last = 0.0
        self._not_before = 0.0
        self._began = 0.0

    def note(self, directories: Iterable[str], now: float) -> None:
        """Something has changed in these directories (relative, ``.`` for the first)."""
        self._directories.update(directories)
        self._change(now)

    def note_all(self, now: float) -> None:
        """It is not known what has changed, if anything."""
        self._whole = True
        self._change(now)

    def _change(self, now: float) -> None:
        if self.since is None:
            self.since = now
        self._last = now
        if len(self._directories) > MOST_DIRECTORIES:
            self._whole = True
        if self._whole:
            self._directories.clear()

    @property
    def is_behind(self) -> bool:
        """Whether anything waits or is under way."""
        return self.since is not None

    def lag(self, now: float) -> float:
        """For how many seconds it has lacked something."""
        return 0.0 if self.since is None else max(0.0, now - self.since)

    def due(self) -> float | None:
        """When the next sending is to begin; ``None`` while one runs or nothing waits."""
        if self.running is not None or not (self._whole or self._directories) or self.since is None:
            return None
        calm = min(self._last + self._quiet_s, max(self.since, self._began) + PATIENCE * self._quiet_s)
        return max(calm, self._not_before)

    def hurry(self) -> None:
        """Send what waits at once: there will be no later."""
        self._quiet_s, self._not_before = 0.0, 0.0

    def begin(self, now: float) -> tuple[bool, frozenset[str]]:
        """A sending begins: whether it is that of the whole tree, or else of which directories."""
        assert self.running is None
        self.running = (self._whole, frozenset(self._directories))
        self._whole, self._directories = False, set()
        self._began = now
        return self.running

    def end(self, fault: str, now: float) -> None:
        """It has ended, with what is wrong or without. What failed is sent again, later each time."""
        assert self.running is not None
        whole, directories = self.running
        self.running = None
        if fault:
            self.error = fault
            self._not_before = now + min(self._retry_max_s, self._retry_s * 2 ** min(self.failures, 20))
            self.failures += 1
            self._whole = self._whole or whole
            self._directories = set() if self._whole else self._directories | directories
            return
        self.error, self.failures, self._not_before = "", 0, 0.0
        self.finished = now
        # What came while it ran may have been too late for it.
        self.since = self._began if self._whole or self._directories else None
