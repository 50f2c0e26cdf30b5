"""The front and real connections: events, loss, redial, epochs, several terminals (design §3)."""

import asyncio
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.terminal.fakecards import FakeCard, Slow
from tests.integration.terminal.identities import Pki
from tests.integration.terminal.rooms import INSTANCE, OWNER, Heard, Loopback, Room, until
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardGone, CardTimeout
from tiaas.terminal.front import (
    Dial,
    FrontError,
    LinkDown,
    LinkUp,
    Owner,
    StaleEpoch,
    TerminalGone,
    TerminalTimeout,
    TerminalUnknown,
    UnitEvent,
)
from tiaas.terminal.session import RequestedCard, SlotState, TerminalSession
from tiaas.terminal.tls import client_context
from tiaas.terminal.virtual.mishaps import Mishaps

ECHO = CommandApdu(0x00, 0xB0, 0x00, 0x00, ne=256)


async def test_openssl_sees_the_terminals_certificate_on_brainpool(room: Room) -> None:
    terminal = await room.terminal("kt")
    await room.connect(terminal)  # a second connection is not served, but it shows the certificate
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"{terminal.host}:{terminal.port}", "-tls1_2", "-showcerts"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in output
    pem = output[output.index("-----BEGIN CERTIFICATE") : output.index("-----END CERTIFICATE")]
    shown = x509.load_pem_x509_certificate((pem + "-----END CERTIFICATE-----\n").encode())
    key = shown.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "brainpoolP256r1"
    assert terminal.snapshot().client == "ClientWithoutPairing"  # the first connection is still served


async def test_empty_client_certificate_list_is_let_in_as_nobody(room: Room) -> None:
    """A_22890."""
    terminal = await room.terminal("kt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    reader, writer = await asyncio.open_connection(terminal.host, terminal.port, ssl=context)
    writer.write(bytes.fromhex("6B00000001000000000E80280000086906130013001300" + "00"))
    head = await reader.readexactly(10)
    body = await reader.readexactly(int.from_bytes(head[6:], "big"))
    assert head[:5] == bytes.fromhex("8300000001")
    assert body[-2:] == b"\x90\x00"
    assert terminal.snapshot().client == "InvalidClient"
    writer.close()
    await writer.wait_closed()


async def test_one_connection_at_a_time(room: Room) -> None:
    """TIP1-A_3068."""
    terminal = await room.terminal("kt")
    await room.connect(terminal)
    other = Owner("two", 1)
    heard = Heard()
    room.front.claim(other, heard)
    await room.front.connect(other, Dial("kt", terminal.host, terminal.port))
    await heard.next(LinkDown)
    await TerminalSession(room.front, OWNER, "kt").init()


@pytest.mark.requirement("TIP1-A_4541", "TIP1-A_4542")
async def test_card_events_follow_the_cards(room: Room) -> None:
    terminal, session = await room.working()
    card = FakeCard()
    terminal.insert(2, card)
    inserted = await room.heard.next(UnitEvent)
    assert (inserted.tag, inserted.value) == (0x84, b"\x00\x02")
    assert await session.slot_states() == (SlotState.EMPTY, SlotState.UNPOWERED, SlotState.EMPTY, SlotState.UNPOWERED)
    assert await session.activate(2) == RequestedCard(card.atr, already_active=False)
    assert (await session.slot_states())[1] is SlotState.ACTIVE
    assert (await session.card(2).transmit(ECHO)).data == bytes.fromhex("00B00000")
    assert terminal.eject(2) is card
    removed = await room.heard.next(UnitEvent)
    assert (removed.tag, removed.value) == (0x85, b"\x00\x02")
    assert await session.activate(2) is None
    with pytest.raises(CardGone):
        await session.card(2).transmit(ECHO)


async def test_plug_pulled_and_put_back(room: Room) -> None:
    card = FakeCard()
    terminal, session = await room.working(cards=[card])
    await session.activate(1)
    resets = card.resets
    await terminal.pull_plug()
    down = await room.heard.next(LinkDown)
    assert down.ct_id == "kt"
    assert card.resets > resets
    with pytest.raises(TerminalGone):
        await session.show("hallo")
    with pytest.raises(CardGone):
        await session.card(1).transmit(ECHO)
    assert (await room.heard.next(LinkDown)).reason.startswith("dial")
    await terminal.plug_in()
    await room.heard.next(LinkUp)
    await session.init()
    assert (await session.slot_states())[0] is SlotState.UNPOWERED


async def test_commands_under_way_end_with_the_connection(room: Room) -> None:
    terminal, session = await room.working()
    waiting = asyncio.create_task(session.request(1, "Bitte Karte", 20))
    await until(lambda: terminal.snapshot().display == "Bitte Karte")
    await terminal.pull_plug()
    with pytest.raises(TerminalGone):
        await waiting
    await terminal.plug_in()
    await room.heard.next(LinkUp)
    await session.init()
    await session.show("frei")  # display and keypad are not taken for ever


async def test_a_lower_epoch_is_refused_everywhere(room: Room) -> None:
    go = threading.Event()
    card = FakeCard(go=go)
    terminal, session = await room.working(cards=[card])
    await session.activate(1)
    link = session.card(1)
    under_way = asyncio.create_task(link.transmit(ECHO))
    standing_in_line = asyncio.create_task(link.transmit(ECHO))
    await until(lambda: len(card.commands) == 1)
    heard = Heard()
    newer = Owner(INSTANCE, 2)
    room.front.claim(newer, heard)
    assert (await heard.next(LinkUp)).ct_id == "kt"  # the connection survives
    for stale in (under_way, standing_in_line):
        with pytest.raises(StaleEpoch):
            await stale
    for call in (
        session.show("alt"),
        room.front.connect(OWNER, Dial("other", "127.0.0.1", 9)),
        room.front.disconnect(OWNER, "kt"),
    ):
        with pytest.raises(StaleEpoch):
            await call
    with pytest.raises(StaleEpoch):
        room.front.claim(OWNER, room.heard)
    go.set()
    # Until the card has answered, its slot is BUSY for everybody.
    await until(lambda: not terminal.machine._busy)
    successor = TerminalSession(room.front, newer, "kt")
    assert (await successor.slot_states())[0] is SlotState.ACTIVE  # takeover does not reset cards
    assert (await successor.card(1).transmit(ECHO)).ok
    assert len(card.commands) == 2  # the one in line never reached the card


async def test_epoch_must_be_claimed_first(room: Room) -> None:
    with pytest.raises(FrontError):
        await room.front.connect(Owner(INSTANCE, 7), Dial("kt", "127.0.0.1", 9))
    with pytest.raises(FrontError):
        await room.front.connect(Owner("unknown", 1), Dial("kt", "127.0.0.1", 9))
    with pytest.raises(TerminalUnknown):
        await room.front.exchange(OWNER, "unknown", 0, b"", 1.0)


async def test_several_terminals_side_by_side(room: Room) -> None:
    sessions = [(await room.working(f"kt{number}", [FakeCard()]))[1] for number in range(4)]
    await asyncio.gather(*(session.activate(1) for session in sessions))
    answers = await asyncio.gather(*(session.card(1).transmit(ECHO) for session in sessions for _ in range(5)))
    assert all(answer.ok for answer in answers)
    await room.terminals[2].pull_plug()
    assert (await room.heard.next(LinkDown)).ct_id == "kt2"
    assert (await sessions[1].card(1).transmit(ECHO)).ok


async def test_cards_work_in_parallel_but_each_in_order(room: Room) -> None:
    go = threading.Event()
    slow, quick = FakeCard(go=go), FakeCard()
    _, session = await room.working(cards=[slow, quick])
    await session.activate(1)
    await session.activate(2)
    commands = [CommandApdu(0x00, 0xB0, 0x00, offset, ne=256) for offset in range(3)]
    waiting = [asyncio.create_task(session.card(1).transmit(command)) for command in commands[:2]]
    assert (await session.card(2).transmit(ECHO)).ok
    assert (await session.slot_states())[0] is SlotState.ACTIVE
    assert not any(task.done() for task in waiting)
    go.set()
    for task in waiting:
        assert (await task).ok
    assert [raw[3] for raw in slow.commands] == [0, 1]


async def test_late_answers_are_dropped(room: Room) -> None:
    terminal, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    terminal.mishaps = Slow(0.3)
    with pytest.raises(CardTimeout):
        await session.card(1, wait=0.1).transmit(ECHO)
    with pytest.raises(TerminalTimeout):
        await TerminalSession(room.front, OWNER, "kt", wait=0.1).slot_states()
    terminal.mishaps = Mishaps()
    await asyncio.sleep(0.3)
    assert (await session.card(1).transmit(ECHO)).ok


async def test_a_command_longer_than_the_buffer(room: Room) -> None:
    """gemSpec_KT 3.7: 3,072 octets without the envelope; longer ones are answered, not swallowed."""
    _, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    link = session.card(1)
    assert (await link.transmit(CommandApdu(0x00, 0xD6, 0, 0, bytes(3072 - 7)))).ok
    assert (await link.transmit(CommandApdu(0x00, 0xD6, 0, 0, bytes(3072 - 6)))).sw == 0x6700
    assert (await link.transmit(ECHO)).ok


async def test_silent_client_is_signed_off(room: Room) -> None:
    """SICCT 6.2.4.5, with two seconds in place of 120."""
    terminal = await room.terminal("kt", state=room.paired(), silence_seconds=2, keep_alive_seconds=0.2)
    session = await room.session(terminal)
    await session.show("bin da")
    signed_off = await room.heard.next(UnitEvent)  # keep-alive events are not passed on
    assert signed_off.tag == 0x81
    await room.heard.next(LinkDown)


async def test_without_smkt_there_is_no_connection(room: Room) -> None:
    terminal = await room.terminal("kt")
    await room.session(terminal)
    terminal.eject(4)
    assert (await room.heard.next(UnitEvent, tag=0x81)).ct_id == "kt"
    await room.heard.next(LinkDown)


async def test_disconnect_ends_the_connection_for_good(room: Room) -> None:
    terminal, session = await room.working()
    await room.front.disconnect(OWNER, "kt")
    with pytest.raises(TerminalUnknown):
        await session.show("weg")
    await until(lambda: terminal.snapshot().client == "none")
    await asyncio.sleep(0.3)  # nobody dials again
    assert terminal.snapshot().client == "none"
    assert room.front.connected == 0


async def test_untrusted_client_certificate_is_not_let_in(room: Room, tmp_path_factory: pytest.TempPathFactory) -> None:
    foreign = Pki(tmp_path_factory.mktemp("foreign")).sak("foreign")
    terminal = await room.terminal("kt")
    context = client_context(foreign.certificate_file, foreign.key_file, "any")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await Loopback().open(terminal.host, terminal.port, context, asyncio.Protocol)
    assert terminal.snapshot().client == "none"
