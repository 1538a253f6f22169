"""LDAP by ldap3: bind, search the base ``request``, want one entry whose name matches ``receive``."""

from __future__ import annotations

import importlib
import math
import ssl

from hacluster.ldirectord.checks.blocking import in_thread, seconds
from hacluster.ldirectord.checks.outcome import Down, expect
from hacluster.lvs.settings import Application, Check


async def ldap(check: Check) -> str:
    """Anonymous unless there are login and password."""

    def work() -> str:
        ldap3 = importlib.import_module("ldap3")
        limit = math.ceil(seconds(check))  # ldap3 packs it as a whole number
        tls = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(
            check.address,
            port=check.port,
            use_ssl=check.application is Application.LDAPS,
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=limit,
        )
        known = bool(check.login and check.password)
        connection = ldap3.Connection(
            server,
            user=check.login if known else None,
            password=check.password if known else None,
            receive_timeout=limit,
            raise_exceptions=False,
        )
        try:
            if not connection.bind():
                raise Down(f"bind: {connection.result.get('description', 'refused')}")
            base = check.request.removeprefix("/")
            connection.search(base, "(objectClass=*)", search_scope=ldap3.BASE)
            entries = [entry["dn"] for entry in connection.response or () if entry.get("type") == "searchResEntry"]
            if len(entries) != 1:
                raise Down(f"search of {base!r}: {connection.result.get('description', 'no answer')}")
            expect(check.receive, str(entries[0]))
            return str(entries[0]) or "the root entry"
        except ldap3.core.exceptions.LDAPException as error:
            raise Down(str(error)) from None
        finally:
            connection.unbind()

    return await in_thread(work)
