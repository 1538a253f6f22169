"""Each kind of check against a server that serves, and servers that do everything wrong."""

import asyncio
import socket

import pytest
from dns import message, rrset

from hacluster.ldirectord.checks import APPLICATIONS, TYPES, look, looker
from hacluster.ldirectord.checks.outcome import MAX_ANSWER
from hacluster.lvs.settings import Application, CheckType
from hacluster.lvs.table import Protocol
from tests.unit.ldirectord.servers import certificate, check, closing, dripping, flooding, script, serving, silent

pytestmark = pytest.mark.asyncio


def http_answer(body="hello", status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n{body}"


def web(*answers):
    """One answer a connection, the last one again and again; requests that were read are in ``seen``."""
    seen = []

    async def talk(reader, writer):
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answers[min(len(seen), len(answers)) - 1].encode())
        await writer.drain()

    talk.seen = seen
    return talk


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def test_every_kind_has_its_function():
    for application in Application:
        assert application in APPLICATIONS
        assert callable(looker(check(1, application), connect_only=False))
    for type_ in set(CheckType) - {CheckType.NEGOTIATE, CheckType.COMBINED}:
        assert type_ in TYPES
        assert callable(looker(check(1, type_=type_), connect_only=False))


async def test_connect():
    async with serving(silent) as port:
        assert await look(check(port, type_=CheckType.CONNECT)) == (True, "connected")
    up, text = await look(check(free_port(), type_=CheckType.CONNECT))
    assert not up
    assert "Connect call failed" in text


@pytest.mark.parametrize(
    ("request_", "receive", "answer", "up"),
    [
        ("hello\\n", "^world$", "world\n", True),
        ("hello\\n", "^world$", "word\n", False),
        ("hello\\n", "", "", True),
        ("hello\\n", "yes", "no\nno\nyes", True),
    ],
)
async def test_simpletcp(request_, receive, answer, up):
    got = []

    async def talk(reader, writer):
        got.append(await reader.read())
        writer.write(answer.encode())
        await writer.drain()

    async with serving(talk) as port:
        found, _ = await look(check(port, Application.SIMPLETCP, request=request_, receive=receive))
    assert found is up
    assert not receive or got == [b"hello\n"]


DIALOGUES = [
    (Application.SMTP, {}, ["220 mx ESMTP\r\n", "250 mx\r\n"], True),
    (Application.SMTP, {}, ["220-one\r\n220 two\r\n", "250-mx\r\n250 ok\r\n"], True),
    (Application.SMTP, {}, ["554 go away\r\n"], False),
    (Application.SUBMISSION, {}, ["220 mx\r\n", "500 what\r\n"], False),
    (Application.POP, {}, ["+OK hi\r\n"], True),
    (Application.POP, {"login": "a", "password": "b"}, ["+OK hi\r\n", "+OK\r\n", "+OK\r\n"], True),
    (Application.POP, {"login": "a", "password": "b"}, ["+OK hi\r\n", "+OK\r\n", "-ERR no\r\n"], False),
    (Application.IMAP, {}, ["* OK hi\r\n"], True),
    (Application.IMAP, {"login": "a", "password": "b"}, ["* OK hi\r\n", "* CAPA\r\na1 OK in\r\n"], True),
    (Application.IMAP, {"login": "a", "password": "b"}, ["* OK hi\r\n", "a1 NO out\r\n"], False),
    (Application.IMAP, {}, ["* BYE\r\n"], False),
    (Application.NNTP, {}, ["200 news\r\n"], True),
    (Application.NNTP, {}, ["400 closed\r\n"], False),
    (Application.FTP, {"login": "a", "password": "b"}, ["220 ftp\r\n", "331 pass\r\n", "230 in\r\n"], True),
    (Application.FTP, {"login": "a", "password": "b"}, ["220 ftp\r\n", "331 pass\r\n", "530 no\r\n"], False),
]


@pytest.mark.parametrize(("application", "more", "steps", "up"), DIALOGUES)
async def test_dialogues(application, more, steps, up):
    async with serving(script(*steps)) as port:
        found, text = await look(check(port, application, request="", **more))
    assert found is up, text


@pytest.mark.parametrize(("content", "up"), [("the page is fine", True), ("nothing", False)])
async def test_ftp_gets_the_file(content, up):
    async def data(reader, writer):
        writer.write(content.encode())
        await writer.drain()

    async with serving(data) as data_port:
        steps = ["220 ftp\r\n", "331 p\r\n", "230 in\r\n", "200 ok\r\n", f"229 (|||{data_port}|)\r\n", "150 here\r\n"]
        talk = script(*steps)
        async with serving(talk) as port:
            found, text = await look(
                check(port, Application.FTP, login="a", password="b", request="/f.txt", receive="fine")
            )
        assert found is up, text
        assert talk.heard[-1] == "RETR /f.txt"


@pytest.mark.parametrize(
    ("answer", "receive", "up"),
    [
        (http_answer(), "", True),
        (http_answer(), "^hel+o$", True),
        (http_answer(), "bye", False),
        (http_answer(status="404 Not Found"), "", False),
        (http_answer(status="500 Oops"), "hello", False),
        (http_answer(status="204 No Content", body=""), "", True),
        ("nonsense\r\n\r\n", "", False),
        ("", "", False),
    ],
)
async def test_http(answer, receive, up):
    async with serving(web(answer)) as port:
        found, text = await look(check(port, Application.HTTP, request="/a", receive=receive))
    assert found is up, text


async def test_http_sends_the_virtual_host_and_the_method():
    talk = web(http_answer(body=""))
    async with serving(talk) as port:
        found, _ = await look(check(port, Application.HTTP, name="shop.example.org", method="HEAD", request="/x?y=1"))
    assert found
    assert talk.seen[0].startswith("HEAD /x?y=1 HTTP/1.1\r\n")
    assert "Host: shop.example.org\r\n" in talk.seen[0]


async def test_a_redirect_stays_with_this_server():
    talk = web(http_answer(status="302 Found", headers="Location: /there\r\n"), http_answer("found"))
    async with serving(talk) as port:
        found, text = await look(check(port, Application.HTTP, request="/", receive="found"))
    assert found, text
    assert talk.seen[1].startswith("GET /there ")


async def test_https_by_address_does_not_mind_the_name_and_sends_it(tmp_path):
    context = certificate(tmp_path, "shop.example.org")
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with serving(web(http_answer()), ssl=context) as port:
        plain, text = await look(check(port, Application.HTTPS, request="/", receive="hello"))
        named, _ = await look(check(port, Application.HTTPS, request="/", name="shop.example.org"))
    assert plain, text
    assert named
    assert names[-1] == "shop.example.org"


async def test_pops_speaks_tls(tmp_path):
    async with serving(script("+OK hi\r\n"), ssl=certificate(tmp_path, "x")) as port:
        assert (await look(check(port, Application.POPS)))[0]


async def test_https_at_a_server_without_tls_is_down():
    async with serving(web(http_answer())) as port:
        up, text = await look(check(port, Application.HTTPS, request="/"))
    assert not up
    assert text


async def test_http_proxy_asks_for_a_whole_url():
    talk = web(http_answer())
    async with serving(talk) as port:
        found, text = await look(check(port, Application.HTTP_PROXY, request="http://www.example.org/a"))
    assert found, text
    assert talk.seen[0].startswith("GET http://www.example.org/a HTTP/1.1")
    up, text = await look(check(1, Application.HTTP_PROXY, request="/a"))
    assert not up
    assert "whole URL" in text


SPEAKING = [
    Application.HTTP, Application.HTTPS, Application.SMTP, Application.POP, Application.IMAP, Application.NNTP,
    Application.FTP, Application.IMAPS, Application.SIMPLETCP,
]  # fmt: skip


@pytest.mark.parametrize("application", SPEAKING)
@pytest.mark.parametrize("behaviour", [silent, closing, dripping, flooding])
async def test_servers_that_misbehave_are_down_in_time(application, behaviour):
    async with serving(behaviour) as port:
        spoken = check(port, application, request="/", receive="never", negotiate_timeout_ms=700)
        up, text = await asyncio.wait_for(look(spoken), 30)
    assert not up
    assert text
    assert len(text) < 300


async def test_a_body_is_read_up_to_its_bound():
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(64):
            writer.write(b"y" * MAX_ANSWER)
            await writer.drain()

    async with serving(talk) as port:
        up, _ = await look(check(port, Application.HTTP, request="/", receive="x", negotiate_timeout_ms=20_000))
    assert not up


class Answering(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        found = self.answer(data)
        if found:
            self.transport.sendto(found, addr)


async def udp(answer):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Answering(answer), local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")[1]


@pytest.mark.parametrize(
    ("answer", "up"), [(b"SIP/2.0 200 OK\r\n\r\n", True), (b"SIP/2.0 503 Busy\r\n\r\n", False), (b"what", False)]
)
async def test_sip_over_udp(answer, up):
    asked = []
    transport, port = await udp(lambda data: asked.append(data) or answer)
    try:
        found, text = await look(check(port, Application.SIP, protocol=Protocol.UDP, login="probe@director"))
    finally:
        transport.close()
    assert found is up, text
    assert asked[0].startswith(b"OPTIONS sip:probe@director SIP/2.0\r\n")


async def test_sip_repeats_a_request_that_was_lost():
    asked = []

    def answer(data):
        asked.append(data)
        return b"SIP/2.0 200 OK\r\n\r\n" if len(asked) > 1 else None

    transport, port = await udp(answer)
    try:
        found, _ = await look(
            check(port, Application.SIP, protocol=Protocol.UDP, login="a@b", negotiate_timeout_ms=9_000)
        )
    finally:
        transport.close()
    assert found


async def test_sip_over_tcp():
    async with serving(script("SIP/2.0 200 OK\r\n\r\n")) as port:
        found, text = await look(check(port, Application.SIP, login="a@b"))
    assert found, text


@pytest.mark.parametrize(
    ("asked", "receive", "up"),
    [("/www.example.org", "^192", True), ("www.example.org", "^10", False), ("www.example.org", "", False),
     ("192.0.2.7", "www", True)],
)  # fmt: skip
async def test_dns(asked, receive, up):
    def answer(data):
        question = message.from_wire(data)
        reply = message.make_response(question)
        name, kind = question.question[0].name, question.question[0].rdtype
        reply.answer.append(rrset.from_text(name, 60, "IN", kind, "192.0.2.7" if kind == 1 else "www.example.org."))
        return reply.to_wire()

    transport, port = await udp(answer)
    try:
        spoken = check(port, Application.DNS, protocol=Protocol.UDP, request=asked, receive=receive)
        found, text = await look(spoken)
    finally:
        transport.close()
    assert found is up, text


async def test_dns_with_nobody_there():
    up, text = await look(check(free_port(), Application.DNS, protocol=Protocol.UDP, request="a.b", receive="x"))
    assert not up
    assert text


async def test_external_gets_its_four_words_and_its_status_counts(tmp_path):
    program = tmp_path / "look"
    program.write_text('#!/bin/sh\necho "$@"\ntest "$3" = 127.0.0.1\n')
    program.chmod(0o755)
    spoken = check(80, type_=CheckType.EXTERNAL, command=str(program), virtual=("10.0.0.1", 80))
    assert await look(spoken) == (True, "10.0.0.1 80 127.0.0.1 80")
    program.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
    up, text = await look(spoken)
    assert not up
    assert text.endswith("ended with 3: it is broken")


async def test_external_perl(tmp_path):
    program = tmp_path / "look.pl"
    program.write_text('print "vip $ARGV[0]\\n"; exit($ARGV[1] == 80 ? 0 : 1);\n')
    spoken = check(80, type_=CheckType.EXTERNAL_PERL, command=str(program), virtual=("10.0.0.1", 80))
    assert await look(spoken) == (True, "vip 10.0.0.1")


async def test_an_external_check_that_hangs_ends_with_its_whole_group(tmp_path):
    program = tmp_path / "hang"
    program.write_text("#!/bin/sh\nsleep 3600 &\necho $! > $0.pid\nwait\n")
    program.chmod(0o755)
    up, text = await look(check(80, type_=CheckType.EXTERNAL, command=str(program), timeout_ms=1_500))
    assert not up
    assert "1.5 s" in text
    left = int((tmp_path / "hang.pid").read_text())
    for _ in range(200):
        try:
            with open(f"/proc/{left}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            state = "X"
        if state in "XZ":
            break
        await asyncio.sleep(0.05)
    assert state in "XZ"


@pytest.mark.parametrize(
    ("application", "more"),
    [
        (Application.MYSQL, {"login": "a", "request": "select 1"}),
        (Application.PGSQL, {"login": "a", "request": "select 1"}),
        (Application.LDAP, {}),
        (Application.RADIUS, {"login": "a", "password": "b", "secret": "c"}),
    ],
)
async def test_libraries_find_nobody_there(application, more):
    up, text = await look(check(free_port(), application, negotiate_timeout_ms=3_000, **more))
    assert not up
    assert text


async def test_sql_needs_login_and_request():
    up, text = await look(check(1, Application.MYSQL, request="select 1"))
    assert (up, text) == (False, "an SQL check needs login and request")


def directory(entry):
    """An LDAP server with one entry (RFC 4511): answers a bind, then a search; short messages only."""

    def element(tag, content):
        return bytes((tag, len(content))) + content

    def answer(number, operation):
        return element(0x30, element(0x02, bytes((number,))) + operation)

    good = element(0x0A, b"\0") + element(0x04, b"") * 2

    async def talk(reader, writer):
        await reader.read(4096)
        writer.write(answer(1, element(0x61, good)))
        await writer.drain()
        await reader.read(4096)
        found = element(0x64, element(0x04, entry) + element(0x30, b""))
        writer.write(answer(2, found) + answer(2, element(0x65, good)))
        await writer.drain()
        await reader.read(4096)

    return talk


async def test_ldap():
    async with serving(directory(b"dc=example")) as port:
        wanted = {"request": "dc=example", "receive": "example"}
        assert await look(check(port, Application.LDAP, **wanted)) == (True, "dc=example")
        up, text = await look(check(port, Application.LDAP, **wanted | {"receive": "other"}))
        assert (up, bool(text)) == (False, True)


@pytest.mark.parametrize("talk", [silent, closing, dripping, flooding])
@pytest.mark.parametrize("application", [Application.LDAP, Application.MYSQL, Application.PGSQL])
async def test_libraries_with_servers_that_do_everything_wrong(application, talk):
    """Down with a reason, within the time limit: a library's own errors are none of ours."""
    async with serving(talk) as port:
        more = {"login": "a", "request": "select 1"} if application is not Application.LDAP else {}
        up, text = await look(check(port, application, negotiate_timeout_ms=1_500, **more))
        assert not up
        assert text
