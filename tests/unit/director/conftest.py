"""A director over a few lines of ldirectord.cf in virtual time."""

import pytest

from hacluster.base.dice import Dice
from hacluster.lvs.ldirectord_cf import Host, parse_ldirectord_cf
from hacluster.sim.directors import DirectorWorld

VIRTUAL = """virtual = 10.9.0.1:80
    real = 10.9.0.2:80 gate 2
    real = 10.9.0.3:80 gate 1
    checktype = connect
"""
TIMES = "checkinterval = 1\nchecktimeout = 1\n"


class NoNames:
    """A host that knows no names."""

    def address(self, name, *, ipv6):
        return None

    def port(self, name, protocol):
        return {"http": 80, "https": 443, "domain": 53}.get(name)


def settings(text):
    found, reports = parse_ldirectord_cf(text, "ldirectord.cf", Host(NoNames()))
    assert found is not None, [str(report) for report in reports]
    return found


@pytest.fixture
def world():
    def make(text=TIMES + VIRTUAL, *, seed=1, before=None):
        one = DirectorWorld(settings(text), Dice(seed))
        if before is not None:
            before(one)
        return one

    return make
