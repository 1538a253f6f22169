"""Files that are no CIB, or want to do harm, are refused with a word about why."""

from __future__ import annotations

import pytest

from hacluster.base.errors import ConfigError
from hacluster.cib.document import MAX_DEPTH, parse_document

BOMB = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 9))
BOMB = f'<!DOCTYPE cib [<!ENTITY e0 "boom">{BOMB}]>'
SECRET = '<!DOCTYPE cib [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + "<cib>&e8;</cib>", "document type"),
        (BOMB + '<cib a="&e8;"/>', "document type"),
        (SECRET + "<cib>&x;</cib>", "document type"),
        (SECRET + '<cib a="&x;"/>', "document type"),
        ('<!DOCTYPE cib SYSTEM "http://127.0.0.1:1/x.dtd"><cib/>', "document type"),
        ("<cib>" + "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH + "</cib>", "nested more than 200 deep"),
        ("<cib>" + "<a>" * 5000 + "</a>" * 5000 + "</cib>", "nested more than 200 deep"),
        ("", "empty"),
        ("\0", "cib.xml:1: error"),
        ("<cib>\n<a>\n</cib>", "cib.xml:3: error"),
        ('<?xml version="1.0" encoding="none"?><cib/>', "encoding"),
        ("<cob/>", "the document element is <cob>, not <cib>"),
        ('<x:cib xmlns:x="y"/>', "not <cib>"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_document(text.encode())


def test_a_document_type_in_another_encoding_is_seen_too() -> None:
    with pytest.raises(ConfigError, match="document type"):
        parse_document((SECRET + "<cib>&x;</cib>").encode("utf-16"))


def test_the_deepest_that_is_read() -> None:
    inside = MAX_DEPTH - 1
    assert len(parse_document(("<cib>" + "<a>" * inside + "</a>" * inside + "</cib>").encode()).root) == 1
