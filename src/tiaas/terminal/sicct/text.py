"""Texts for a terminal's display (SICCT V1.3.0, 5.5.10.18–20 and 5.6.1).

A text is a `str` in which U+000B marks where a line may break and U+000F separates message and PIN prompt.
On the wire it is an application label object (50, ISO 646-DE) or, with a character set named, an object A0.
"""

from tiaas.base.dataclass import dataclass
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

BREAK = "\x0b"
PROMPT = "\x0f"
TAG_LABEL = 0x50
TAG_MESSAGE = 0xA0
_TAG_CHARACTER_SET = 0x85
_TAG_OCTETS = 0x04
_MAX_LABEL = 127

CHARACTER_SET_ISO646 = 0x00
CHARACTER_SET_LATIN9 = 0x0F
CHARACTER_SET_UTF8 = 0x20

# DIN 66003 in place of ASCII brackets and braces; § and the other national positions are not in SICCT's table.
_TO_NATIONAL = str.maketrans("ÄÖÜäöüß", "[\\]{|}~")
_FROM_NATIONAL = str.maketrans("[\\]{|}~", "ÄÖÜäöüß")

# 5.5.10.19. Without entry: not supported by our terminal.
_CODECS = {0x01: "iso8859-1", CHARACTER_SET_LATIN9: "iso8859-15", CHARACTER_SET_UTF8: "utf-8"}


@dataclass(frozen=True, slots=True)
class DisplayText:
    """Message and, for a PIN entry, its prompt; break marks still inside."""

    message: str
    prompt: str = ""

    @property
    def message_characters(self) -> int:
        """Characters that count (separators do not)."""
        return len(self.message.replace(BREAK, ""))

    @property
    def prompt_characters(self) -> int:
        """Characters of the prompt."""
        return len(self.prompt.replace(BREAK, ""))


class CharacterSetUnknown(BadSicct):
    """The text names a character set that is not supported (status word 6942)."""


def split(text: str) -> DisplayText:
    """Takes message and prompt apart."""
    message, _, prompt = text.partition(PROMPT)
    return DisplayText(message, prompt)


def encode_label(text: str) -> bytes:
    """The application label object of a text; raises `ValueError` for characters outside ISO 646-DE or > 127 octets."""
    if set(text) & set("[\\]{|}~"):
        raise ValueError("characters [\\]{|}~ do not exist in ISO 646-DE")
    value = text.translate(_TO_NATIONAL).encode("ascii")
    if len(value) > _MAX_LABEL:
        raise ValueError(f"{len(value)} octets do not fit an application label")
    return encode(TAG_LABEL, value)


def encode_utf8_message(text: str) -> bytes:
    """The object A0 of a text in UTF-8."""
    character_set = encode(_TAG_CHARACTER_SET, bytes([CHARACTER_SET_UTF8]))
    return encode(TAG_MESSAGE, character_set, encode(_TAG_OCTETS, text.encode("utf-8")))


def decode_text_untrusted(item: Tlv) -> DisplayText:
    """Reads object 50 or A0; raises only `BadSicct` (`CharacterSetUnknown` where that is the reason).

    Octets that the character set does not have become blanks (5.6.1, 6).
    """
    if item.tag == TAG_LABEL:
        return split(_iso646(item.value))
    if item.tag != TAG_MESSAGE:
        raise BadSicct("text", f"object {item.tag:X}")
    try:
        objects = decode_untrusted(item.value)
    except BadTlv as bad:
        raise BadSicct("text", str(bad)) from bad
    if not objects:
        return DisplayText("")
    if [part.tag for part in objects] != [_TAG_CHARACTER_SET, _TAG_OCTETS] or len(objects[0].value) != 1:
        raise BadSicct("text", "A0 must hold 85 and 04")
    return split(_decode_as(objects[0].value[0], objects[1].value))


def _decode_as(character_set: int, value: bytes) -> str:
    if character_set == CHARACTER_SET_ISO646:
        return _iso646(value)
    codec = _CODECS.get(character_set)
    if codec is None:
        raise CharacterSetUnknown("text", f"character set {character_set:02X}")
    return _displayable(value.decode(codec, "replace").replace("\ufffd", " "))


def _iso646(value: bytes) -> str:
    return _displayable(bytes(octet if octet < 0x80 else 0x20 for octet in value).decode("ascii")).translate(
        _FROM_NATIONAL
    )


def _displayable(text: str) -> str:
    """Line ends become break marks, the bell disappears, other control characters become blanks."""
    for ending in ("\r\n", "\n\r", "\r", "\n"):
        text = text.replace(ending, BREAK)
    text = text.replace("\x07", "")
    return "".join(char if char in (BREAK, PROMPT) or char >= " " else " " for char in text)
