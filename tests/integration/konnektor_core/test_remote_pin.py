"""TIP1-A_5012: remote PIN entry between cards that compute, step by step and with each step failing."""

from collections.abc import Awaitable, Callable

import pytest

from tests.integration.konnektor_core.desk import CT_DESK, CT_SERVER, Desk
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu
from tiaas.card.pinblock import encode_pin_block
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.pinstates import PinOutcome, PinResult, PinState, PinStatus
from tiaas.konnektor.sessions import AuthValue
from tiaas.terminal.errors import NoPinPad, PinEntryCancelled, PinEntryTimeout

NEW = "24681357"
OK = PinResult(PinOutcome.OK)
Make = Callable[[Desk], Awaitable[Card]]

pytestmark = pytest.mark.requirement("TIP1-A_5012")

TARGETS: list[tuple[Make, str]] = [(Desk.smcb, "PIN.SMC"), (Desk.hba, "PIN.CH"), (Desk.hba, "PIN.QES")]


def block_of(digits: str) -> bytes:
    return encode_pin_block(Secret(digits.encode())).reveal()


def nothing_carried(desk: Desk, *secrets: str) -> None:
    """No command of the Konnektor holds a PIN, as digits or as a block."""
    for command in desk.carried:
        for secret in secrets:
            assert secret.encode() not in command.encode()
            assert block_of(secret)[:5] not in command.encode()


def block(card: Card, desk: Desk, pin: str, puk_uses: int = 10) -> None:
    """As after three wrong PINs."""
    image = desk.practice.personalised[card.handle].image
    path = next(path for path in image.passwords if path.endswith(pin))
    image.passwords[path].retry_counter = 0
    image.passwords[path].puk_uses = puk_uses


@pytest.mark.parametrize(("make", "pin"), TARGETS[:2])
async def test_verify(make: Make, pin: str) -> None:
    desk = Desk()
    card, smkt = await make(desk), await desk.gsmckt()
    session, right = desk.session(card), desk.secret(card, pin)
    desk.types([right])
    assert await desk.pins.verify(card, session, "AP2", pin) == OK
    assert session.auth_state == {pin: AuthValue.VERIFIED}
    assert desk.pads[CT_DESK].prompts[0].success == texts.REMOTE_ENCIPHERED
    assert desk.pads[CT_DESK].prompts[0].failure == texts.REMOTE_FAILED
    assert desk.pads[CT_DESK].shown == [texts.PIN_OK]
    assert not desk.pads[CT_SERVER].prompts
    events = [dict(event.parameters) for event in desk.events if str(event.topic).startswith("CARD/PIN/")]
    assert [(event["CtID"], event["PinInputCtID"]) for event in events] == [(CT_SERVER, CT_DESK)] * 2
    # Verified for good: an unprotected command of the session uses it.
    async with session.use() as channel:
        assert (await channel.transmit(CommandApdu(0x80, 0x20, 0x00, 0x01))).sw == 0x9000
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    desk.types([wrong])
    assert await desk.pins.verify(card, session, "AP2", pin) == PinResult(PinOutcome.REJECTED, 2)
    assert session.auth_state == {}
    assert desk.pads[CT_DESK].shown[-1] == texts.PIN_WRONG
    nothing_carried(desk, right, wrong)
    assert not smkt.reserved
    assert not card.reserved


@pytest.mark.parametrize(("make", "pin"), TARGETS)
async def test_change_of_a_pin_and_of_a_transport_pin(make: Make, pin: str) -> None:
    for transport in (False, True):
        desk = Desk()
        card = await make(desk, transport=transport)  # type: ignore[call-arg]
        await desk.gsmckt()
        old = desk.secret(card, pin)
        desk.types([old, NEW, NEW])
        assert await desk.pins.change(card, desk.session(card), "AP2", pin) == OK
        status = await desk.pins.status(card, desk.session(card), pin)
        assert status == PinStatus(PinState.VERIFIABLE, 3)
        assert ("T-PIN" in desk.pads[CT_DESK].prompts[0].prompt) is transport
        assert desk.pads[CT_DESK].shown == [texts.PIN_CHANGED]
        nothing_carried(desk, old, NEW)
        desk.types(["111111", NEW, NEW])
        assert await desk.pins.change(card, desk.session(card), "AP2", pin) == PinResult(PinOutcome.REJECTED, 2)


@pytest.mark.parametrize(("make", "pin"), TARGETS)
async def test_unblock_with_the_puk(make: Make, pin: str) -> None:
    desk = Desk()
    card = await make(desk)
    await desk.gsmckt()
    session, puk = desk.session(card), desk.secret(card, pin.replace("PIN", "PUK"))
    block(card, desk, pin)
    desk.types(["11111111"])
    assert await desk.pins.unblock(card, session, "AP2", pin) == PinResult(PinOutcome.REJECTED, 9)
    assert desk.pads[CT_DESK].shown == [texts.PUK_WRONG]
    desk.types([puk])
    assert await desk.pins.unblock(card, session, "AP2", pin) == OK
    assert desk.pads[CT_DESK].shown[-1] == texts.PUK_OK
    assert (await desk.pins.status(card, session, pin)).left_tries == 3
    nothing_carried(desk, puk)
    if pin == "PIN.QES":
        return
    block(card, desk, pin)
    desk.types([puk, NEW, NEW])
    assert await desk.pins.unblock(card, session, "AP2", pin, set_new=True) == OK
    desk.types([NEW])
    assert await desk.pins.verify(card, session, "AP2", pin) == OK
    nothing_carried(desk, puk, NEW)


async def test_mandanten_on_one_card_do_not_disturb_each_other() -> None:
    desk = Desk()
    card = await desk.smcb()
    await desk.gsmckt()
    pin = desk.secret(card, "PIN.SMC")
    here = desk.session(card, "M2")
    desk.types([pin])
    assert await desk.pins.verify(card, here, "AP1", "PIN.SMC") == OK
    desk.types(["111111"])
    assert (await desk.pins.verify(card, desk.session(card, "M1"), "AP2", "PIN.SMC")).outcome is PinOutcome.REJECTED
    async with here.use() as channel:
        assert (await channel.transmit(CommandApdu(0x80, 0x20, 0x00, 0x01))).sw == 0x9000
    assert here.auth_state


async def code(work: Awaitable[object]) -> tuple[int, list[int]]:
    with pytest.raises(KonnektorError) as caught:
        await work
    return caught.value.code, [cause.code for cause in caught.value.causes]


@pytest.mark.code(4053, 4092, 4043, 4049, 4066, 4067)
async def test_what_ends_it() -> None:
    desk = Desk()
    card = await desk.smcb()
    session = desk.session(card)
    pin = desk.secret(card, "PIN.SMC")
    assert await code(desk.pins.verify(card, session, "AP3", "PIN.SMC")) == (4092, [])
    assert await code(desk.pins.verify(card, session, "AP2", "PIN.SMC")) == (4053, [])  # no gSMC-KT in CT2
    smkt = await desk.gsmckt()
    for ended, expected in (
        (PinEntryTimeout("p", 0x6400), 4043),
        (PinEntryCancelled("p", 0x6401), 4049),
        (NoPinPad("p", 0x6A00), 4066),
    ):
        desk.types([ended])
        assert await code(desk.pins.verify(card, session, "AP2", "PIN.SMC")) == (expected, [])
    desk.types([pin, NEW, "135790"])
    assert await code(desk.pins.change(card, session, "AP2", "PIN.SMC")) == (4067, [])
    # A terminal after gemSpec_KT V3.17.0 does not give the cryptogram of a MODIFY back.
    desk.pads[CT_DESK].returns_modified = False
    desk.types([pin, NEW, NEW])
    assert await code(desk.pins.change(card, session, "AP2", "PIN.SMC")) == (4053, [4056])
    assert [event.topic for event in desk.events[-2:]] == [Topic.PIN_CHANGE_STARTED, Topic.PIN_CHANGE_FINISHED]
    assert dict(desk.events[-1].parameters)["Result"] == "ERROR"
    # It costs nobody a try.
    assert await desk.pins.status(card, session, "PIN.SMC") == PinStatus(PinState.VERIFIABLE, 3)
    egk = await desk.egk()
    assert await code(desk.pins.verify(egk, desk.session(egk), "AP2", "PIN.CH")) == (4053, [])
    assert not smkt.reserved


@pytest.mark.code(4053, 4056, 4057)
@pytest.mark.parametrize(
    ("at", "ins", "p1p2", "cause"),
    [
        ("card", 0x86, 0x0000, 4057),
        ("card", 0x22, 0x41A4, 4056),
        ("smkt", 0x86, 0x0000, 4056),
        ("smkt", 0x2A, 0x8E80, 4056),
        ("smkt", 0x2A, 0x00A2, 4057),
        ("smkt", 0x22, 0x41A4, 4057),
        ("card", 0x20, 0x0001, 4057),
    ],
)
async def test_any_step_that_fails_is_4053_with_its_cause(at: str, ins: int, p1p2: int, cause: int) -> None:
    desk = Desk()
    card, smkt = await desk.smcb(), await desk.gsmckt()
    line = desk.practice.lines[(card if at == "card" else smkt).handle]

    def disturb(command: CommandApdu) -> None:
        if (command.ins, command.p1 << 8 | command.p2) == (ins, p1p2):
            # The card loses power unseen: it has no channel keys and no handshake any more.
            line.card._channels[command.cla & 3].clear_session()
            line.card._channels[command.cla & 3].handshake = None
            line.card._channels[command.cla & 3].folder = "MF/DF.KT" if at == "smkt" else "MF/DF.ESIGN"
            line.card._channels[command.cla & 3].keys.clear()

    if p1p2 == 0x41A4:
        # A broken certificate: it is the other card that refuses it.
        image = desk.practice.personalised[(card if at == "card" else smkt).handle].image
        for path in [path for path in image.files if "AUTD" in path]:
            image.files[path] = image.files[path][:-1] + bytes([image.files[path][-1] ^ 1])
    else:
        line.before = disturb
    desk.types([desk.secret(card, "PIN.SMC")])
    found, causes = await code(desk.pins.verify(card, desk.session(card), "AP2", "PIN.SMC"))
    assert (found, causes) == (4053, [cause])
    assert desk.session(card).auth_state == {}
    # And it works again afterwards.
    if p1p2 != 0x41A4:
        line.before = None
        desk.types([desk.secret(card, "PIN.SMC")])
        assert await desk.pins.verify(card, desk.session(card), "AP2", "PIN.SMC") == OK
