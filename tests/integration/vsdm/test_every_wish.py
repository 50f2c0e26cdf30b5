"""ReadVSD as a whole table: what is wished, what the card is like, what is on it, where the TI is, which quarter it is.

What must come out is told by `expected`, which follows the order of gaps_closed §4.1 and knows nothing of the code. A
day of another quarter is nothing to the Konnektor: a receipt comes back with the time it was made at, and practice
software decides by it (gemILF_PS, 4.3.5: once per quarter).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.integration.vsdm.scene import EF_RECEIPT, EF_STATUS, Scene
from tiaas.base.secret import Secret
from tiaas.fachdienste.vsdm.containers import StatusVd, encode_status_vd
from tiaas.fachdienste.vsdm.receipt import Result, decode_receipt_untrusted
from tiaas.konnektor.errors import KonnektorError

OURS, THEIRS = Secret(b"this practice"), Secret(b"another practice")
CARDS = ("sound", "health application locked", "update left open", "revoked")
RECEIPTS = ("none", "ours", "another practice's")
NOBODY = "https://127.0.0.1:9"
WAYS = ("online", "nobody there", "offline mode")


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    online: bool
    receipt: bool
    card: str
    way: str
    held: str
    next_quarter: bool


def expected(case: Case) -> int | Result | None:
    """A code, else the result in the receipt, else None: data without receipt."""
    locked = case.card == "health application locked"
    is_checked = case.way != "offline mode" and (case.online or locked)
    if locked and not is_checked:
        return 114
    if case.card == "revoked" and is_checked and case.way == "online":
        return 106
    if locked:
        return 114
    if case.card == "update left open":
        return 3001
    if not case.receipt:
        return None
    if is_checked:
        return Result.NO_UPDATE_NEEDED if case.way == "online" else Result.UPDATE_IMPOSSIBLE
    if case.held == "none":
        return 3040
    return Result.NO_UPDATE_NEEDED if case.held == "ours" else 3039


def _state(scene: Scene, card: str) -> None:
    image = scene.practice.lines[scene.egk.handle].card.image
    (image.deactivated.add if card == "health application locked" else image.deactivated.discard)("MF/DF.HCA")
    is_open = card == "update left open"
    scene.image()[EF_STATUS] = encode_status_vd(StatusVd(is_open, datetime(2026, 5, 4, tzinfo=UTC)))
    scene.egk.forget("status_vd")
    scene.egk.basic.forget()


def _go(scene: Scene, way: str, *, revoked: bool) -> None:
    async def status(der: bytes) -> bool:
        if revoked and way == "online":
            raise KonnektorError(106)
        return True

    scene.practice.status_of = status
    if way == "nobody there":
        scene.configure(receipt_secret=OURS, intermediaer=NOBODY)
    else:
        scene.configure(receipt_secret=OURS, online=way == "online")


async def _made(scene: Scene, secret: Secret) -> bytes:
    """EF.Pruefungsnachweis as a practice with this secret leaves it."""
    scene.configure(receipt_secret=secret)
    await scene.read()
    return scene.image()[EF_RECEIPT]


async def _answer(scene: Scene, case: Case) -> int | Result | None:
    try:
        data = await scene.read(online=case.online, receipt=case.receipt)
    except KonnektorError as error:
        return error.code
    assert data.pd
    assert data.vd
    if data.receipt is None:
        return None
    receipt = decode_receipt_untrusted(data.receipt)
    now, is_new = scene.practice.clock.now(), case.online and case.way != "offline mode"
    assert (now - receipt.made < timedelta(hours=1)) is is_new
    assert (_quarter(receipt.made) != _quarter(now)) is (case.next_quarter and not is_new)
    return receipt.result


def _quarter(moment: datetime) -> int:
    return (moment.month - 1) // 3


def _until_next_quarter(scene: Scene) -> None:
    clock = scene.practice.clock
    before = _quarter(clock.now())
    while _quarter(clock.now()) == before:
        clock.advance(86400)


@pytest.mark.code(106, 114, 3001, 3039, 3040)
@pytest.mark.requirement("TIP1-A_4722")
@pytest.mark.parametrize("card", CARDS)
async def test_every_wish_gets_what_the_order_of_steps_says(scene: Scene, card: str) -> None:
    # From the first day of a quarter on, so that the next days are of the same one.
    _until_next_quarter(scene)
    contents = {"none": None, "ours": await _made(scene, OURS), "another practice's": await _made(scene, THEIRS)}
    scene.practice.clock.advance(86400)
    for next_quarter in (False, True):
        if next_quarter:
            _until_next_quarter(scene)
        for way in WAYS:
            _go(scene, way, revoked=card == "revoked")
            for held, online, receipt in product(RECEIPTS, (True, False), (True, False)):
                scene.image().pop(EF_RECEIPT, None)
                content = contents[held]
                if content is not None:
                    scene.image()[EF_RECEIPT] = content
                _state(scene, card)
                case = Case(online, receipt, card, way, held, next_quarter)
                assert (case, await _answer(scene, case)) == (case, expected(case))
                assert not scene.egk.reserved
