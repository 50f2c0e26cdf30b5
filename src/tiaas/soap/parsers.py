"""The parsers of each thread, and how they forget the names they have read.

libxml2 keeps every name of a document (elements, attributes, prefixes, namespaces) once, in a dictionary that only
grows, and lxml has one dictionary for all that a thread parses: documents of ever new names would fill the memory of a
process that runs for months. So a thread begins an empty dictionary after so many octets, and a longer document has one
of its own. A tree holds the dictionary that it was built with; lxml expects trees to differ in it, since threads hand
them to each other.

lxml has no call to begin a dictionary. It keeps the present one in the thread's state (`PyThreadState_GetDict`), from
where it is taken out here, and then adopts that of the first parser that is used: of a new one, which is empty.
"""

import ctypes
import threading

from lxml import etree

XmlElement = etree._Element

REMEMBERED = 256 * 1024
"""Octets whose names a thread keeps at most, beside those of trees: they take six times as much memory at worst."""
_LXML = "_ParserDictionaryContext"
_thread_state = ctypes.PyDLL(None).PyThreadState_GetDict
_thread_state.argtypes, _thread_state.restype = (), ctypes.c_void_p


def fromstring(document: bytes | str, parser: etree.XMLParser | None = None) -> XmlElement:
    """`lxml.etree.fromstring`, for all that may have names from outside."""
    here, length = _HERE, len(document)
    here.octets += length
    if here.octets > REMEMBERED:
        here.forget()
        here.octets = length
    try:
        return etree.fromstring(document, parser)
    finally:
        if length > REMEMBERED:
            here.forget()


def parser_for(encoding: str, *, is_message: bool) -> etree.XMLParser:
    """The calling thread's parser for messages or documents in an encoding."""
    made = _HERE.made
    parser = made.get((encoding, is_message))
    if parser is None:
        parser = made[encoding, is_message] = _new_parser(encoding, is_message=is_message)
    return parser


class _Parsers(threading.local):
    """Those of one thread, which must not wait for another's: to make one takes as long as a short message."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, bool], etree.XMLParser] = {}
        # At once: lxml lets other threads look for names in the main thread's first one, which must not grow meanwhile.
        self.forget()

    def forget(self) -> None:
        """Begins an empty dictionary. Not for resolvers: lxml keeps the parser that asks them in the same place."""
        self.octets = 0
        # They hold the dictionary that they were used with last.
        self.made.clear()
        ctypes.cast(_thread_state(), ctypes.py_object).value.pop(_LXML, None)
        etree.fromstring(b"<x/>", etree.XMLParser())


def _new_parser(encoding: str, *, is_message: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        huge_tree=not is_message,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=is_message,
        collect_ids=False,
    )


_HERE = _Parsers()
