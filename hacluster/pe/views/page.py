"""An outline as a page of HTML."""

from __future__ import annotations

from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.pe.views.outline import Item, Listing

_STYLE: Final = """.bold { font-weight: bold }
.online { color: green }
.offline { color: red }
.maint { color: blue }
.standby { color: blue }
.health_red { color: red }
.health_yellow { color: GoldenRod }
.rsc-failed { color: red }
.rsc-failure-ignored { color: DarkGreen }
.rsc-managed { color: blue }
.rsc-multiple { color: orange }
.rsc-ok { color: green }
.warning { color: red; font-weight: bold }"""


def _item(parent: XML, item: Item) -> None:
    element = etree.SubElement(parent, "li")
    if not item.spans:
        element.text = item.text
    for kind, text in item.spans:
        span = etree.SubElement(element, "span")
        if kind is not None:
            span.set("class", kind)
        span.text = text
    if item.inside is not None:
        _listing(element, item.inside)


def _listing(parent: XML, listing: Listing) -> None:
    element = etree.SubElement(parent, "li")
    title = listing.title if listing.page_title is None else listing.page_title
    if title:
        etree.SubElement(element, "h3").text = title
    _items(element, listing)


def _items(parent: XML, listing: Listing) -> None:
    whole = etree.SubElement(parent, "ul")
    for item in listing.items:
        if isinstance(item, Item):
            _item(whole, item)
        else:
            _listing(whole, item)


def page(sections: list[Listing], title: str, *, refresh: str = "", stylesheet: str = "") -> str:
    """A whole page. ``refresh`` are seconds after which it is to be loaded anew."""
    root = etree.Element("html", lang="en")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    etree.SubElement(head, "meta", charset="utf-8")
    if refresh:
        etree.SubElement(head, "meta", {"http-equiv": "refresh", "content": refresh})
    etree.SubElement(head, "style").text = _STYLE
    if stylesheet:
        etree.SubElement(head, "link", rel="stylesheet", href=stylesheet)
    body = etree.SubElement(root, "body")
    for section in sections:
        heading = section.title if section.page_title is None else section.page_title
        if heading:
            etree.SubElement(body, "h2").text = heading
        _items(body, section)
    text = etree.tostring(root, method="html", pretty_print=True, encoding="unicode", doctype="<!DOCTYPE html>")
    return text if text.endswith("\n") else text + "\n"


def message_page(text: str, title: str) -> str:
    """A page with one sentence."""
    return page([Listing("", [Item(text)])], title)
