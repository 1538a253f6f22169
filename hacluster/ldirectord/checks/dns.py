"""DNS by dnspython: the request's address, or its name when it is an address, matches ``receive``."""

from __future__ import annotations

import ipaddress

from dns import asyncquery, exception, message, rcode, reversename

from hacluster.ldirectord.checks.outcome import Down, compiled
from hacluster.lvs.settings import Check
from hacluster.lvs.table import Protocol


def query(asked: str) -> message.QueryMessage:
    """A question for the addresses of a name, or for the name of an address."""
    try:
        ipaddress.ip_address(asked)
    except ValueError:
        return message.make_query(asked, "A")
    return message.make_query(reversename.from_address(asked), "PTR")


async def dns(check: Check) -> str:
    """Ask once, by tcp when the service is; one answer must match. An empty ``receive`` never matches."""
    asked = check.request.removeprefix("/")
    try:
        if check.protocol is Protocol.TCP:
            answer = await asyncquery.tcp(query(asked), check.address, port=check.port)
        else:
            answer = await asyncquery.udp(query(asked), check.address, port=check.port, ignore_unexpected=True)
    except exception.DNSException as error:
        raise Down(str(error) or type(error).__name__) from None
    if answer.rcode() != rcode.NOERROR:
        raise Down(f"{asked}: {rcode.to_text(answer.rcode())}")
    found = [str(record).rstrip(".") for group in answer.answer for record in group]
    if check.receive and any(compiled(check.receive).search(text) for text in found):
        return ", ".join(found)
    raise Down(f"{asked}: {check.receive!r} is not in {', '.join(found) or 'an empty answer'}")
