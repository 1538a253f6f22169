"""A file of ldirectord that the original takes is taken, one that it refuses is refused, or it is said why not."""

import pytest

from hacluster.base.report import Severity
from hacluster.lvs.ldirectord_cf import Host, parse_ldirectord_cf
from tests.unit.lvs.corpus import DIFFERENT, entries


class Names:
    def address(self, name, *, ipv6):
        return {("localhost", False): "127.0.0.1"}.get((name, ipv6))

    def port(self, name, protocol):
        return {"http": 80}.get(name) if protocol == "tcp" else None


HOST = Host(Names(), "here", {"/tmp", "/etc"}, {"/bin/true"})


@pytest.mark.parametrize(("name", "taken", "text"), [(name, *entry) for name, entry in entries().items()])
def test_what_the_original_takes_is_taken(name, taken, text):
    settings, reports = parse_ldirectord_cf(text, "ldirectord.cf", HOST)
    said = [str(report) for report in reports if report.severity is Severity.ERROR]
    assert (settings is not None) == (taken is not (name in DIFFERENT)), said


def test_every_difference_is_one_of_the_corpus():
    assert set(DIFFERENT) <= set(entries())
