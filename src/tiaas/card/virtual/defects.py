"""Cards that are broken: what happens to an answer, or instead of it. Each defect is data of one card's image."""

from dataclasses import replace
from enum import Enum, unique
from typing import Any, Final

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardTimeout
from tiaas.card.status import StatusWord

_READING: Final = (0xB0, 0xB2)
_GARBAGE_MAX: Final = 40


@unique
class DefectKind(Enum):
    """What is broken; the value is the word in forms and on the command line."""

    MUTE = "mute"
    WRONG_ATR = "wrong-atr"
    BROKEN_FILE = "broken-file"
    READ_ERROR = "read-error"
    WRONG_CHECKSUM = "wrong-checksum"
    GARBAGE = "garbage"
    DIES = "dies"


NEEDS_FILE: Final = frozenset({DefectKind.BROKEN_FILE, DefectKind.READ_ERROR})


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect. `path` is the file concerned, `commands` how many a dying card still answers.

    mute            answers nothing, not even a reset
    wrong-atr       answers a reset with a wrong checksum
    broken-file     reading the file gives 6281 with changed octets (the memory's checksum is wrong)
    read-error      reading the file gives 6581
    wrong-checksum  checksums of secure messaging answers are wrong
    garbage         answers random octets
    dies            does `commands` commands and the next one, whose answer never comes; then it is mute for good
    """

    kind: DefectKind
    path: str | None = None
    commands: int = 0

    def __post_init__(self) -> None:
        if (self.path is not None) is not (self.kind in NEEDS_FILE):
            raise ValueError(f"a file belongs to the defects {' and '.join(sorted(kind.value for kind in NEEDS_FILE))}")
        if self.commands < 0:
            raise ValueError("a card cannot answer less than no command")

    def to_document(self) -> dict[str, Any]:
        """For storage."""
        return {"kind": self.kind.value, "path": self.path, "commands": self.commands}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Defect":
        """The inverse. Raises `KeyError`, `ValueError`."""
        return cls(DefectKind(document["kind"]), document["path"], int(document["commands"]))


def spoil_atr(defect: Defect | None, atr: bytes) -> bytes:
    """What comes after a reset. Raises `CardTimeout` for a mute card."""
    if defect is None:
        return atr
    if defect.kind is DefectKind.MUTE:
        raise CardTimeout("no answer to reset")
    return atr[:-1] + bytes([atr[-1] ^ 0x5A]) if defect.kind is DefectKind.WRONG_ATR else atr


def require_life(defect: Defect | None, done: int) -> None:
    """Raises `CardTimeout` for a mute card, and for a dying one that has done all its commands and one more."""
    if defect is None:
        return
    if defect.kind is DefectKind.MUTE or (defect.kind is DefectKind.DIES and done > defect.commands):
        raise CardTimeout("the card does not answer")


def spoil_answer(defect: Defect | None, file: str | None, command: CommandApdu, answer: ResponseApdu) -> ResponseApdu:
    """A plain answer as the defect leaves it; `file` is the one that is current after the command."""
    if defect is None or defect.path != file or defect.kind not in NEEDS_FILE:
        return answer
    if command.ins not in _READING or not answer.ok:
        return answer
    if defect.kind is DefectKind.READ_ERROR:
        return ResponseApdu(b"", StatusWord.MEMORY_FAILURE)
    return ResponseApdu(bytes(octet ^ 0x5A for octet in answer.data), StatusWord.CORRUPT_DATA)


def spoil_protected(defect: Defect | None, answer: ResponseApdu) -> ResponseApdu:
    """An answer under secure messaging as the defect leaves it."""
    if defect is None or defect.kind is not DefectKind.WRONG_CHECKSUM:
        return answer
    return replace(answer, data=answer.data[:-1] + bytes([answer.data[-1] ^ 0x5A]))


def spoil_octets(defect: Defect | None, done: int, raw: bytes, entropy: Entropy) -> bytes:
    """The octets on the line. Raises `CardTimeout` if the card died over this command, the `done`-th of its life."""
    if defect is None:
        return raw
    require_life(defect, done)
    if defect.kind is DefectKind.GARBAGE:
        return entropy.octets(1 + entropy.octets(1)[0] % _GARBAGE_MAX)
    return raw
