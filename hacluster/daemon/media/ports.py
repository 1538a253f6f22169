"""The media of a configuration, open: what ``Transmit`` goes to and datagrams come from."""

from __future__ import annotations

from collections.abc import Sequence

from hacluster.base.effects import Screen
from hacluster.config import media as config
from hacluster.daemon.media.icmp import PingPort
from hacluster.daemon.media.port import Deliver, Medium
from hacluster.daemon.media.sockets import Direct, Opener
from hacluster.daemon.media.udp import Receivers, UdpPort
from hacluster.msg.driver import DatagramReceived


class Media:
    """All media of a node, by their index in ha.cf."""

    def __init__(self, media: Sequence[config.Medium], deliver: Deliver, opener: Opener | None = None) -> None:
        receivers = self._receivers = Receivers(opener or Direct(media))
        self._media: list[Medium] = []
        self._heartbeat = frozenset(i for i, m in enumerate(media) if isinstance(m, config.NetworkMedium))
        for index, medium in enumerate(media):
            self._media.append(Medium(index, _port(index, medium, receivers, deliver), deliver))

    def start(self) -> None:
        """Open them all, and keep them open."""
        for medium in self._media:
            medium.start()

    def send(self, index: int, data: bytes) -> None:
        """Perform ``Transmit``."""
        self._media[index].send(data)

    def carries(self, index: int) -> bool:
        """Whether a heartbeat that is sent on this medium leaves this host, as far as the host can know.

        A ping is none; and nothing leaves a host of which every interface for it is gone.
        """
        return index in self._heartbeat and not all(self._media[each].gone for each in self._heartbeat)

    def screen(self, screen: Screen) -> None:
        """Perform ``Screen``."""
        self._receivers.screen(screen)

    async def close(self) -> None:
        """Close them all."""
        for medium in self._media:
            await medium.close()


def _port(index: int, medium: config.Medium, receivers: Receivers, deliver: Deliver) -> UdpPort | PingPort:
    def received(data: bytes, source: str) -> None:
        deliver(DatagramReceived(index, data, source))

    if isinstance(medium, config.Ping | config.Ping6 | config.PingGroup):
        return PingPort(index, medium, receivers.opener, received)
    return UdpPort(index, medium, receivers, received)
