"""RADIUS: an Access-Request (RFC 2865) for login and passwd is accepted, by pyrad."""

from __future__ import annotations

import importlib
import io
from typing import Final

from hacluster.ldirectord.checks.blocking import in_thread, seconds
from hacluster.ldirectord.checks.outcome import Down
from hacluster.lvs.settings import Check

_DICTIONARY: Final = """ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string encrypt=1
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Message-Authenticator 80 octets
"""
_ACCEPT: Final = 2


async def radius(check: Check) -> str:
    """Login, passwd and secret as configured."""

    def work() -> str:
        client_module = importlib.import_module("pyrad.client")
        dictionary = importlib.import_module("pyrad.dictionary").Dictionary(io.StringIO(_DICTIONARY))
        client = client_module.Client(
            server=check.address, authport=check.port, secret=check.secret.encode(), dict=dictionary
        )
        client.retries = max(1, int(seconds(check)))
        client.timeout = 1
        request = client.CreateAuthPacket(User_Name=check.login, NAS_Identifier="ldirectord")
        request["User-Password"] = request.PwCrypt(check.password)
        try:
            answer = client.SendPacket(request)
        except client_module.Timeout:
            raise Down("no answer") from None
        if answer.code != _ACCEPT:
            raise Down(f"answer code {answer.code}")
        return "accepted"

    return await in_thread(work)
