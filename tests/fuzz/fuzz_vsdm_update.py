"""Fuzz target: what may come back instead of a card's answers to an update, at any step of it.

octets      one answer per line of the input (`0A` ends a line); the first octet says after how many steps they come
"""

from contextlib import suppress
from datetime import UTC, datetime

from tests.cardbench import ICCSN, make_image
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.mutual import AuthenticationKey
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.card import VirtualCard
from tiaas.lab.vsdm.cardupdate import KEY_CMS, KEY_VSD, set_lock, write_data
from tiaas.lab.vsdm.channel import Peer, Steps, UpdateFailed

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_IMAGE = make_image(CardKind.EGK)
_CONTENTS = {"EF.PD": bytes(850), "EF.VD": bytes(1250), "EF.GVD": bytes(600)}

SEEDS: list[bytes] = [
    b"\x00\x90\x00\n\x90\x00\n\x90\x00\n" + bytes(16) + b"\x90\x00",
    b"\x01" + bytes(120) + b"\x90\x00",
    b"\x02\x99\x02\x90\x00\x8e\x08" + bytes(8) + b"\x90\x00",
    b"\x12\x62\x83",
    b"",
]


def target(data: bytes) -> None:
    """Only `UpdateFailed` may escape, and no update ends well with answers that are not the card's."""
    steps, answers = data[:1] or b"\0", tuple(data[1:].split(b"\n"))
    update = _lock() if steps[0] & 0x10 else _data()
    card = VirtualCard(_IMAGE, clock=ManualClock(_NOW), entropy=SeededEntropy(b"card"))
    with suppress(UpdateFailed):
        package = next(update)
        for _ in range(min(steps[0] & 0x0F, 2)):
            package = update.send(tuple(card.process(item.octets) for item in package.commands))
        try:
            update.send(answers)
        except StopIteration:
            raise AssertionError("an update ended with answers that are not the card's") from None


def _data() -> Steps:
    return write_data(_peer(KEY_VSD, "MF/SK.VSD.AES256"), _CONTENTS, _NOW, SeededEntropy(b"vsdd"))


def _lock() -> Steps:
    return set_lock(_peer(KEY_CMS, "MF/SK.CMS.AES256"), SeededEntropy(b"cms"), locked=True)


def _peer(reference: int, path: str) -> Peer:
    return Peer(ICCSN[CardKind.EGK], reference, AuthenticationKey.of(_IMAGE.keys[path]), b"\x09" * 8)
