# SPDX-License-Identifier: Apache-2.0
"""Provenance as an XMP packet (ISO 16684-1), which IPTC's, Adobe's and C2PA's programs read."""

from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from .note import Provenance

MAX_BYTES = 1 << 20
_NAMESPACES = {
    "x": "adobe:ns:meta/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/", "dc": "http://purl.org/dc/elements/1.1/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}
_SOURCE_TYPE, _TOOL, _CONSENT = "Iptc4xmpExt:DigitalSourceType", "xmp:CreatorTool", "Iptc4xmpExt:AddlModelInfo"
"""The last is IPTC's place for what else is to be said of the persons shown"""


def to_xmp(provenance: Provenance) -> bytes:
    """The packet, UTF-8."""
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _NAMESPACES.items() if name not in ("x", "rdf"))
    said = {_SOURCE_TYPE: provenance.source_type, _TOOL: provenance.tool, _CONSENT: provenance.consent}
    fields = " ".join(f"{name}={quoteattr(value)}" for name, value in said.items() if value)
    words = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(provenance.description)}</rdf:li></rdf:Alt>'
    return (f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="{_NAMESPACES["x"]}"><rdf:RDF xmlns:rdf="{_NAMESPACES["rdf"]}">'
            f'<rdf:Description rdf:about="" {spaces} {fields}><dc:description>{words}</dc:description>'
            f'</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>').encode()


def from_xmp(packet: bytes) -> Provenance | None:
    """What a packet of any program says; None where it says nothing of the origin or is no XMP.

    A packet with a document type is not read: that is where entities that grow without end would be declared.
    """
    if len(packet) > MAX_BYTES or b"<!" in packet:
        return None
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t").removeprefix(b"\xef\xbb\xbf"))
    except (ElementTree.ParseError, ValueError, LookupError):  # the last: an unknown encoding
        return None
    said = {name: _value(root, name) for name in (_SOURCE_TYPE, _TOOL, _CONSENT, "dc:description")}
    if not (said[_SOURCE_TYPE] or said[_CONSENT]):
        return None
    return Provenance(said[_SOURCE_TYPE], said[_TOOL], said["dc:description"], said[_CONSENT])


def _value(root: ElementTree.Element, name: str) -> str:
    """A property's text, be it written as an attribute, as an element, or as a list's first entry."""
    prefix, local = name.split(":")
    tag = f"{{{_NAMESPACES[prefix]}}}{local}"
    for description in root.iter(f"{{{_NAMESPACES['rdf']}}}Description"):
        if tag in description.attrib:
            return _line(description.attrib[tag])
        found = description.find(tag)
        if found is not None:
            return _line("".join(found.itertext()))
    return ""


def _line(text: str) -> str:
    return " ".join(text.split())
