"""Values that no agent can use, by agent and parameter, and the parameters that say which resource is meant."""

NUMBERS = ("five", "-1", "1.5", "0x10", "9" * 30, "1 2")
FLAGS = ("maybe", "2", "yes please")
ADDRESS = {
    "ip": ("", "172.16.100.300", "web", "10.0.0.1/24", "fe80::1::2", "\udcff"),
    "cidr_netmask": ("244", "33", "255.0.255.0", "-1", "24 ", "x"),
    "nic": ("eth0/16", ":0", "eth0:", "a b", "n" * 128),
    "iflabel": ("much-too-long-a-label", "l" * 14),
    "broadcast": ("all", "1.2.3", "fe80::1"),
    "check_duplicate": FLAGS,
    **dict.fromkeys(("duplicate_wait", "arp_count", "arp_interval"), NUMBERS),
}
UNUSABLE = {
    "IPaddr": ADDRESS,
    "lvs-director": {
        **ADDRESS,
        "forward": FLAGS,
        "sync_interface": ("a b", "eth0/1", "n" * 16),
        "sync_id": (*NUMBERS, "256"),
    },
    "Filesystem": {
        "device": ("",),
        "directory": ("", "x", "/", "//", "/.."),
        "options": ("rw, noatime", "ro\tx"),
        "force_unmount": FLAGS,
        "term_wait": NUMBERS,
        "check_directory": ("/data", "../data", "a/../../b"),
    },
    "webserver": {
        "port": ("80x", "0", "70000", "http", "-1"),
        "ip": ("localhost", "1.2.3"),
        "directory": ("www",),
        "pidfile": ("pid",),
        "access_log": ("log",),
        "access_log_size": NUMBERS,
    },
    "ldirectord": {"ldirectord": ("ldirectord",)},
    "lvs-realserver": {"ip": ("", "1.2.3", "web", "10.0.0.1/24"), "method": ("nat", "gate"), "nic": ("a b", "n" * 16)},
    "filesync": {
        "source": ("", "srv/www", "/", "/..", "//"),
        "targets": ("", "web2", "/srv/a web2", "-e /x", "/srv/a /srv/a/"),
        "delete": FLAGS,
        **dict.fromkeys(("delay", "retry_interval", "full_interval", "max_lag", "flush_timeout"), NUMBERS),
        "password_file": ("secret",),
    },
    "Dummy": {"state": ("here",), "op_sleep": NUMBERS},
    "Stateful": {"state": ("here",)},
}
IDENTITY = {
    "IPaddr": {"ip", "nic"},
    "lvs-director": {"ip", "nic"},
    "Filesystem": {"device", "directory"},
    "webserver": {"pidfile"},
    "ldirectord": {"ldirectord"},
    "lvs-realserver": {"ip", "method", "nic"},
    "filesync": set(),
    "Dummy": {"state"},
    "Stateful": {"state"},
}
