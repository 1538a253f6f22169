"""Configurations of ldirectord, and what ldirectord 4.12.0 of Debian makes of each.

``tests/interop/test_ldirectord.py`` asks an installed one whether that is still so. In the tables ``+`` is what it
takes, ``-`` what it refuses; :data:`DIFFERENT` says where our answer is another one, and why.
"""

from __future__ import annotations

from typing import Final

V: Final = "virtual = 10.0.0.1:80\n"
R: Final = "    real = 10.0.0.2:80 gate\n"

GLOBALS: Final = r"""
+ checktimeout = 3
+ checktimeout = 5s
+ checktimeout = s5
- checktimeout = 0
+ checktimeout = -3
- checktimeout = 0.5
- checktimeout = soon
- checktimeout =
+ checktimeout=3
- checktimeout 3
+ negotiatetimeout = 3
- negotiatetimeout = 0
+ checkinterval = 2
- checkinterval = 0
+ checkcount = 2
- checkcount = 0
+ failurecount = 3
- failurecount = 0
+ autoreload = yes
- autoreload = Yes
- autoreload = true
+ callback = "/bin/true"
- callback = /bin/true
+ callback = "/bin/nothing-of-this-name"
+ callback = ""
+ logfile = "local0"
- logfile = local0
+ logfile = ""
+ emailalert = a@example.org
+ emailalert = a@example.org, b@example.org
+ emailalert = nobody at all
- emailalert =
+ emailalertfreq = 60
+ emailalertfreq = 0
- emailalertfreq = often
+ emailalertfrom = a@example.org
- emailalertfrom =
+ emailalertstatus = all
+ emailalertstatus = none
+ emailalertstatus = starting, running
+ emailalertstatus = starting,stopping
+ emailalertstatus = all, running
- emailalertstatus = sleeping
+ emailalertstatus =
+ smtp = 127.0.0.1
+ smtp = mail.example.org
- smtp = [::1]
- smtp =
+ execute = other.cf
+ execute =
+ supervised = yes
+ supervised
- supervised = maybe
+ fork = yes
- fork = 1
+ quiescent = no
- quiescent = NO
+ readdquiescent = yes
- readdquiescent = 2
+ cleanstop = no
- cleanstop = never
+ maintenancedir = /tmp
+ maintenancedir = /nowhere/at/all
- maintenancedir =
+ fallback = 127.0.0.1:80
+ fallback = 127.0.0.1
+ fallback = 127.0.0.1:80 masq
- fallback = 127.0.0.1:80 nat
- fallback = 127.0.0.1:http
- fallback = 127.0.0.1:nosuchservice
- fallback = 300.0.0.1:80
+ fallback =
+ fallback6 = [::1]:80
- fallback6 = 127.0.0.1:80
+ fallbackcommand = /bin/true
+ fallbackcommand = "/bin/true"
- fallbackcommand =
- timeout = 3
- connecttimeout = 3
- frob = 1
- scheduler = rr
- CheckTimeout = 3
+ checktimeout = 3 # seconds
- autoreload = yes # always
-  checktimeout = 3
"""
"""Lines of the first column, before a section."""

HEADS: Final = r"""
+ virtual = 10.0.0.1:80
+ virtual=10.0.0.1:80
+ virtual = 10.0.0.1:http
- virtual = 10.0.0.1:nosuchservice
+ virtual = 10.0.0.1:0
- virtual = 10.0.0.1:70000
+ virtual = 10.0.0.1
- virtual = 300.0.0.1:80
+ virtual = localhost:80
- virtual = nowhere.invalid:80
+ virtual = 8
+ virtual = 0
- virtual = nothing
- virtual =
- virtual = [fd00::1]:80
+ virtual = 10.0.0.1:80 tcp
"""
"""Heads of sections."""

HEADS6: Final = r"""
+ virtual6 = [fd00::1]:80
- virtual6 = [fd00::1::2]:80
+ virtual6 = 8
- virtual6 = 10.0.0.1:80
"""
"""Heads of sections of IPv6."""

REALS: Final = r"""
+ 10.0.0.2:80 gate
+ 10.0.0.2 gate
+ 10.0.0.2:http masq
- 10.0.0.2:nosuchservice masq
+ 10.0.0.2:80 ipip 0
+ 10.0.0.2:80 ipip 65535
+ 10.0.0.2:80 ipip 99999
- 10.0.0.2:80 gate -1
- 10.0.0.2:80 gate many
+ 10.0.0.2:80 gate 1 "a", "b"
+ 10.0.0.2:80 gate 1 "a" "b"
+ 10.0.0.2:80 gate 1 "a","b"
+ 10.0.0.2:80 gate "a", "b"
- 10.0.0.2:80 gate 1 "a"
- 10.0.0.2:80 gate 1 a, b
+ 10.0.0.2:80 gate 1 "", ""
+ 10.0.0.2:80 gate 1 l:2 u:5
+ 10.0.0.2:80 gate 1 u:5 l:2
+ 10.0.0.2:80 gate 1 u:5
+ 10.0.0.2:80 gate l:2
- 10.0.0.2:80 gate 1 l:x
+ 10.0.0.2:80 gate 1 "a", "b" l:2 u:5
- 10.0.0.2:80
- 10.0.0.2:80 nat
- 10.0.0.2:80 GATE
+ 10.0.0.2->10.0.0.4:80 gate
- 10.0.0.4->10.0.0.2:80 gate
+ 10.0.0.2->10.0.0.2:80 gate
- 10.0.0.2 -> 10.0.0.4:80 gate
- 10.0.0.2-10.0.0.4:80 gate
+ localhost:80 gate
- nowhere.invalid:80 gate
- 10.0.0.256:80 gate
- 10.0.0.2:70000 gate
- [fd00::2]:80 gate
+ 10.0.0.2:80 gate 1 # the first
-
"""
"""Values of ``real``."""

SECTIONS: Final = r"""
+ protocol = tcp
+ protocol = udp
- protocol = fwm
- protocol = sctp
- protocol = TCP
+ scheduler = rr
- scheduler = WRR
+ scheduler = wrr2
+ scheduler = frob
- scheduler =
+ persistent = 300
+ persistent = 0
- persistent = long
+ netmask = 255.255.255.0
- netmask = 24
+ netmask = 999.0.0.0
+ schedflags = sh-fallback,sh-port
- schedflags =
+ ops = yes
- ops = 1
+ checktype = connect
+ checktype = negotiate
+ checktype = ping
+ checktype = external
+ checktype = external-perl
+ checktype = off
+ checktype = on
+ checktype = 3
+ checktype = 0
- checktype = combined
- checktype = sometimes
+ service = http
+ service = https
+ service = http_proxy
+ service = ftp
+ service = smtp
+ service = submission
+ service = pop
+ service = pops
+ service = imap
+ service = imaps
+ service = ldap
+ service = ldaps
+ service = nntp
+ service = dns
+ service = mysql
+ service = pgsql
+ service = oracle
+ service = radius
+ service = sip
+ service = simpletcp
+ service = none
- service = gopher
- service = HTTP
+ checkcommand = /bin/true
+ checkcommand = "/bin/true"
- checkcommand =
+ checkport = 81
- checkport = 0
- checkport = 65536
- checkport = http
+ request = "index.html"
- request = index.html
- request = ""
+ receive = "Test"
- receive = Test
- receive = ""
+ receive = "a(b"
+ receive = "^\d+ (OK|ok)\Z"
+ httpmethod = get
+ httpmethod = HEAD
- httpmethod = POST
+ virtualhost = www.example.org
+ virtualhost = "www.example.org"
+ virtualhost =
+ login = "a"
- login = a
+ passwd = "b"
- passwd = b
- passwd = "a#b"
+ database = "c"
+ secret = "d"
- secret = d
+ load = "e"
- load = e
- load = ""
+ monitorfile = /tmp/monitor
- monitorfile = /nowhere/at/all
+ servicename = Web
+ comment = the shop
+ comment =
+ servicename =
+ checktimeout = 3
- checktimeout = 0
+ negotiatetimeout = 3
+ checkcount = 2
+ failurecount = 3
- failurecount = none
+ checkinterval = 3
+ fallback = 127.0.0.1
+ fallback = 127.0.0.1:80 gate
- fallback = 127.0.0.1:80 nat
- fallback = nowhere.invalid
- fallback6 = [::1]:80
+ fallbackcommand = /bin/true
+ quiescent = yes
- quiescent = maybe
+ emailalert = a@example.org
+ emailalertfreq = 60
+ emailalertstatus = running
+ smtp = 127.0.0.1
+ cleanstop = no
- real6 = [fd00::2]:80 gate
- autoreload = yes
- callback = "/bin/true"
- connecttimeout = 3
- frob = 1
- scheduler rr
+ real = 10.0.0.2:80 masq
+ real = 10.0.0.2:80 gate
"""
"""Lines of a section that has a real server."""

WHOLE: Final[dict[str, tuple[bool, str]]] = {
    "empty": (True, ""),
    "comment only": (True, "# nothing\n"),
    "blank in section": (False, V + R + "\n    scheduler = rr\n"),
    "comment in section": (
        True,
        V + R + "# all servers\n    scheduler = rr\n",
    ),
    "three blanks": (False, "virtual = 10.0.0.1:80\n   real = 10.0.0.2:80 gate\n"),
    "tab": (True, "virtual = 10.0.0.1:80\n\treal = 10.0.0.2:80 gate\n"),
    "twice": (
        False,
        V + R + "\n" + V + R,
    ),
    "twice at once": (
        False,
        V + R + V + R,
    ),
    "tcp and udp": (
        True,
        V + R + V + R + "    protocol = udp\n",
    ),
    "global behind": (True, V + R + "checktimeout = 3\n"),
    "global behind blank": (True, V + R + "\nchecktimeout = 3\n"),
    "no real": (False, "virtual = 10.0.0.1:80\n"),
    "no newline": (True, "virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate"),
    "crlf": (True, "virtual = 10.0.0.1:80\r\n    real = 10.0.0.2:80 gate\r\n"),
    "mark tcp": (False, "virtual = 8\n    real = 10.0.0.2:80 gate\n    protocol = tcp\n"),
    "mark fwm": (True, "virtual = 8\n    real = 10.0.0.2:80 gate\n    protocol = fwm\n"),
    "mark persistent": (
        True,
        "virtual = 8\n    real = 10.0.0.2 gate\n    persistent = 300\n    checkport = 80\n    service = http\n",
    ),
    "all ports persistent": (True, "virtual = 10.0.0.1:0\n    real = 10.0.0.2:0 gate\n    persistent = 300\n"),
    "v6 mask": (
        True,
        "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]:80 gate\n    persistent = 60\n    netmask = 64\n",
    ),
    "v6 mask 129": (
        False,
        "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]:80 gate\n    persistent = 60\n    netmask = 129\n",
    ),
    "v6 real4": (False, "virtual6 = [fd00::1]:80\n    real = 10.0.0.2:80 gate\n"),
    "v6 range": (False, "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]->[fd00::4]:80 gate\n"),
    "v6 fallback": (True, "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]:80 gate\n    fallback6 = [::1]:80\n"),
    "v6 fallback4": (False, "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]:80 gate\n    fallback = 127.0.0.1:80\n"),
    "udp ops": (
        True,
        'virtual = 10.0.0.1:53\n    real = 10.0.0.2:53 gate\n    ops = yes\n    request = "a"\n    receive = "10"\n',
    ),
    "section in the middle": (
        True,
        "checktimeout = 3\n" + V + R + "\nautoreload = yes\n\nvirtual = 10.0.0.1:443\n    real = 10.0.0.2:443 gate\n",
    ),
}

DIFFERENT: Final[dict[str, str]] = {
    'callback = ""': "an empty path is a mistake",
    'logfile = ""': "an empty path is a mistake",
    "emailalert = nobody at all": "no mail server takes that address",
    "emailalertstatus =": "nothing is not none: who wants no mail writes that",
    "execute =": "there is no configuration without a name",
    "fallback = 127.0.0.1:http": "the original looks the port up for UDP, too, which has no http",
    "fallback =": "a server without an address",
    "virtual = 10.0.0.1:0": "the kernel refuses port 0 without persistence",
    "virtual = 10.0.0.1": "the original takes it for the firewall mark 10",
    "virtual = 0": "the kernel has no firewall mark 0",
    "10.0.0.2:80 ipip 99999": "ipvsadm refuses the weight",
    "scheduler = wrr2": "the original takes it for wrr",
    "persistent = 0": "ipvsadm refuses it",
    "netmask = 999.0.0.0": "ipvsadm refuses it",
    'receive = "a(b"': "it is found at the first check, which then fails for ever",
    "real = 10.0.0.2:80 masq": "one of the two ways would count, nobody knows which",
    "no real": "at the end of the file the original reads such a section twice",
    "v6 range": "a range of IPv6 addresses is clear enough",
}
"""Why we take what the original refuses, or the other way round."""


def entries() -> dict[str, tuple[bool, str]]:
    """Name → whether the original takes it, and the file."""
    found: dict[str, tuple[bool, str]] = {}
    shapes = (
        (GLOBALS, "{}\n" + V + R),
        (HEADS, "{}\n" + R),
        (HEADS6, "{}\n    real6 = [fd00::2]:80 gate\n"),
        (REALS, V + "    real = {}\n"),
        (SECTIONS, V + R + "    {}\n"),
    )
    for table, shape in shapes:
        for line in table.strip("\n").split("\n"):
            name = line[2:]
            key = name if name not in found else f"{name} (section)"
            found[key] = line[0] == "+", shape.replace("{}", name)
    return found | WHOLE
