"""Watching the others: who is silent for too long, which links have died, and when that is worth nothing.

Looked at anew for those that the event touched, and for all when something changed that counts for all.
"""

from __future__ import annotations

from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.heartbeat.liveness import DRAIN_MS
from hacluster.heartbeat.peer import Peer
from hacluster.heartbeat.startup import Phase
from hacluster.heartbeat.station import Station
from hacluster.msg.driver import MediumFailed, MediumReady
from hacluster.msg.membership import NodeState
from hacluster.wire.fields import MessageType
from hacluster.wire.hamsg import HaMessage


class Watch:
    """See the module."""

    def __init__(self, core: Station) -> None:
        self._core = core
        self._dues: dict[str, Instant | None] = {}
        self._common: tuple[bool, Instant, bool] | None = None
        self._deaths_wait = Instant(0)
        self._failed_media: dict[int, bool] = {}
        """Whether its interface is gone, by medium."""

    def wait(self, now: Instant) -> None:
        """We did not run for a while: what came meanwhile is read first."""
        self._deaths_wait = max(self._deaths_wait, after(now, DRAIN_MS))

    def deadline(self) -> Instant | None:
        """Looked at anew for those that the event touched, and for all when something changed that counts for all."""
        core, deaf, dues = self._core, self.deaf(), self._dues
        common = (core.accounted, self._deaths_wait, deaf)
        if core.touched is None or common != self._common or len(dues) != len(core.peers):
            self._common = common
            dues.clear()
            dues.update((peer.name, self._peer_deadline(peer, deaf=deaf)) for peer in core.peers)
        else:
            for name in core.touched:
                peer = core.peers.get(name)
                if peer is not None:
                    dues[name] = self._peer_deadline(peer, deaf=deaf)
        return min((due for due in dues.values() if due is not None), default=None)

    def _peer_deadline(self, peer: Peer, *, deaf: bool) -> Instant | None:
        if deaf:
            return peer.receiver.deadline() if peer.current else None
        patience = self._core.patience()
        death = None
        if peer.state is not NodeState.DEAD:
            death = max(patience.deadline(peer.silence), self._deaths_wait)
        link = peer.links.deadline(patience.dead_ms(peer.silence))
        link = None if link is None else max(link, self._deaths_wait)
        return earliest(death, link, peer.receiver.deadline() if peer.current else None)

    def run(self, now: Instant) -> None:
        """What is due with the others: with those that the event touched, and those whose time has come."""
        core, deaf = self._core, self.deaf()
        if core.touched is None:
            for peer in core.peers:
                self._run_peer(peer, now, deaf=deaf)
            return
        core.touched |= {name for name, due in self._dues.items() if due is not None and due <= now}
        for name in sorted(core.touched):
            found = core.peers.get(name)
            if found is not None:
                self._run_peer(found, now, deaf=deaf)

    def _run_peer(self, peer: Peer, now: Instant, *, deaf: bool) -> None:
        core = self._core
        patience = core.patience()
        if self._deaths_wait <= now and not deaf:
            if peer.state is not NodeState.DEAD and patience.deadline(peer.silence) <= now:
                core.declare_dead(peer, now)
            core.links_dead(peer, peer.links.expire(now, patience.dead_ms(peer.silence)))
        if peer.current:
            for first, last in peer.receiver.requests(now):
                message = HaMessage.of(t=MessageType.REXMIT, dest=peer.name, firstseq=str(first), lastseq=str(last))
                core.whisper(message, now)

    def on_medium(self, event: MediumFailed | MediumReady, now: Instant) -> None:
        """A medium fails, or works again."""
        core = self._core
        spec = core.config.media[event.medium]
        medium = spec.text or f"a medium on {spec.link}"
        was_deaf = self.deaf()
        if isinstance(event, MediumReady):
            if self._failed_media.pop(event.medium, None) is not None:
                core.say(Severity.INFO, "medium-ready", f"{medium} works again")
        else:
            self._failed_media[event.medium] = event.gone
            text = f"{medium} failed: {event.error}"
            core.murmur(Severity.ERROR, "medium-failed", str(event.medium), text, now)
        if was_deaf and not self.deaf():
            for peer in core.peers:
                peer.silence.since = max(peer.silence.since, now)

    def deaf(self) -> bool:
        """Whether the silence of the others says nothing, because it is here that nothing can be heard.

        A medium that fails may have failed with the node at its other end, which must be taken for dead then. That is
        no reason where the interface is gone from this host, and none for a node that has heard nobody yet.
        """
        if not self._failed_media:
            return False
        core = self._core
        failed = [self._failed_media.get(i) for i, medium in enumerate(core.config.media) if medium.ping is None]
        joining = core.phase is Phase.JOINING and not any(peer.current for peer in core.peers)
        return bool(failed) and all(gone or (joining and gone is not None) for gone in failed)
