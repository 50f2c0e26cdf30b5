"""The client against a server that looks like a Konnektor, with real TLS."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities, make_identities, running
from tiaas.client import (
    BadAnswer,
    Konnektor,
    KonnektorFault,
    KonnektorUnreachable,
    Timeouts,
    connect,
    parse_kon,
)
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import Crypt


@pytest.fixture(scope="module")
def identities() -> Identities:
    return make_identities()


@asynccontextmanager
async def _both(identities: Identities, **changes: object) -> AsyncIterator[tuple[FakeKonnektor, Konnektor]]:
    async with running(identities) as fake, connect(parse_kon(identities.kon(fake.url, **changes), {})) as konnektor:
        yield fake, konnektor


async def test_get_cards(identities: Identities) -> None:
    async with _both(identities, userId="U1") as (fake, konnektor):
        fake.answers["GetCards"] = messages.CARDS
        cards = await konnektor.get_cards(CardType.EGK, "CT1", 1, mandant_wide=True)
    assert [card.card_handle for card in cards] == ["egk-1", "smcb-1"]
    sds, request = fake.received
    assert (sds.method, sds.path) == ("GET", "/connector.sds")
    assert request.path == "/EventService/7.2.0"
    assert request.headers["soapaction"] == '"http://ws.gematik.de/conn/EventService/v7.2#GetCards"'
    assert request.headers["content-type"].startswith("text/xml")
    for part in (b"M1", b"C1", b"W1", b"U1", b"EGK", b"CT1", b'mandant-wide="true"'):
        assert part in request.body


async def test_get_card_terminals(identities: Identities) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["GetCardTerminals"] = messages.TERMINALS
        (terminal,) = await konnektor.get_card_terminals()
    assert (terminal.name, terminal.slots, terminal.connected) == ("Empfang", 3, False)


async def test_pins(identities: Identities) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["VerifyPin"] = messages.pin_response(PinResult.REJECTED, 2)
        outcome = await konnektor.verify_pin("smcb-1", "PIN.SMC")
        fake.answers["GetPinStatus"] = messages.pin_status(PinStatus.VERIFIABLE, 2)
        state = await konnektor.get_pin_status("smcb-1", "PIN.SMC")
    assert (outcome.ok, outcome.result, outcome.left_tries) == (False, PinResult.REJECTED, 2)
    assert (state.status, state.left_tries) == (PinStatus.VERIFIABLE, 2)
    assert fake.received[-1].path == "/CardService/8.1.2"


async def test_certificates(identities: Identities) -> None:
    der = identities.server.public_bytes(serialization.Encoding.DER)
    async with _both(identities) as (fake, konnektor):
        fake.answers["ReadCardCertificate"] = messages.certificates((CertRef.C_AUT, der), (CertRef.C_ENC, None))
        (found,) = await konnektor.read_card_certificate("smcb-1", [CertRef.C_AUT, CertRef.C_ENC], Crypt.ECC)
    assert found.ref is CertRef.C_AUT
    assert found.load() == identities.server
    assert b"ECC" in fake.received[-1].body


async def test_read_vsd(identities: Identities) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["ReadVSD"] = messages.vsd()
        vsd = await konnektor.read_vsd("egk-1", "smcb-1")
        fake.answers["ReadVSD"] = messages.vsd(protected=False)
        without = await konnektor.read_vsd("egk-1", "smcb-1")
    assert vsd.personal == messages.PERSON
    assert vsd.insurance == messages.INSURANCE
    assert vsd.protected == messages.PROTECTED
    assert vsd.consistent
    assert vsd.personal_xml.startswith(b"<?xml")
    assert without.protected is None
    assert "Müller" not in repr(vsd)
    assert fake.received[-1].headers["soapaction"].endswith('v6.0#ReadVSD"')


@pytest.mark.parametrize(
    "container",
    [b"", b"no gzip", gzip.compress(b"x" * 70_000), gzip.compress(b"<a/>"), gzip.compress(b"<a/>")[:-9]],
    ids=["empty", "no-gzip", "too-large", "no-vsd", "cut-off"],
)
async def test_vsd_that_cannot_be_read(identities: Identities, container: bytes) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["ReadVSD"] = messages.vsd(personal=container)
        with pytest.raises(BadAnswer, match="data that cannot be read"):
            await konnektor.read_vsd("egk-1", "smcb-1")


async def test_a_fault_is_told_by_its_last_trace(identities: Identities) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["ReadVSD"] = messages.fault(4085, "Zugriffsbedingungen nicht erfüllt", "PIN.SMC")
        with pytest.raises(KonnektorFault) as caught:
            await konnektor.read_vsd("egk-1", "smcb-1")
    fault = caught.value
    assert (fault.code, fault.text) == (4085, "Zugriffsbedingungen nicht erfüllt")
    assert [entry.code for entry in fault.trace] == [11000, 4085]
    assert (fault.message_id, fault.timestamp) == ("m-1", messages.NOW)
    assert str(fault) == "error 4085: Zugriffsbedingungen nicht erfüllt (PIN.SMC)"


async def test_a_fault_without_gematik_detail(identities: Identities) -> None:
    envelope = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        b"<faultcode>s:Server</faultcode><faultstring>down</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    async with _both(identities) as (fake, konnektor):
        fake.answers["GetCards"] = (500, envelope)
        with pytest.raises(KonnektorFault, match="^down$") as caught:
            await konnektor.get_cards()
    assert caught.value.code == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, b""), "refuses these credentials"),
        ((404, b"<html/>"), "HTTP 404"),
        ((200, b"<html/>"), "not a SOAP message"),
        ((200, b""), "not a SOAP message"),
        ((500, b"oops"), "not a SOAP message"),
    ],
)
async def test_what_is_no_konnektor_answer(identities: Identities, answer: tuple[int, bytes], message: str) -> None:
    async with _both(identities) as (fake, konnektor):
        fake.answers["GetCards"] = answer
        with pytest.raises(BadAnswer, match=message):
            await konnektor.get_cards()


async def test_a_bad_directory(identities: Identities) -> None:
    async with running(identities) as fake:
        kon = parse_kon(identities.kon(fake.url), {})
        fake.sds = lambda fake: (200, b"<html/>")
        with pytest.raises(BadAnswer, match="not a service directory"):
            async with connect(kon):
                pass
        fake.sds = lambda fake: (403, b"")
        with pytest.raises(BadAnswer, match="refuses these credentials"):
            async with connect(kon):
                pass


async def test_endpoints_are_rewritten_if_wanted(identities: Identities) -> None:
    async with running(identities) as fake:
        fake.sds = lambda fake: (200, fake.directory().replace(b"127.0.0.1", b"192.0.2.1"))
        fake.answers["GetCards"] = messages.CARDS
        kon = parse_kon(identities.kon(fake.url, rewriteServiceEndpoints=True), {})
        async with connect(kon) as konnektor:
            assert len(await konnektor.get_cards()) == 2


async def test_brainpool_client_certificate() -> None:
    async with _both(make_identities(ec.BrainpoolP256R1())) as (fake, konnektor):
        fake.answers["GetCards"] = messages.CARDS
        assert len(await konnektor.get_cards()) == 2


async def test_an_untrusted_server_is_refused(identities: Identities) -> None:
    foreign = parse_kon(make_identities().kon("https://k"), {}).trust_store
    async with running(identities) as fake:
        kon = parse_kon(identities.kon(fake.url), {})
        with pytest.raises(KonnektorUnreachable, match="not trusted .*trustStore"):
            async with connect(replace(kon, trust_store=foreign)):
                pass
        lax = replace(kon, trust_store=foreign, insecure_skip_verify=True)
        async with connect(lax):
            pass


async def test_the_expected_host_decides() -> None:
    named = make_identities(host="konnektor.example")
    async with running(named) as fake:
        async with connect(parse_kon(named.kon(fake.url, expectedHost="konnektor.example"), {})):
            pass
        with pytest.raises(KonnektorUnreachable, match="not trusted"):
            async with connect(parse_kon(named.kon(fake.url, expectedHost="other.example"), {})):
                pass
        with pytest.raises(KonnektorUnreachable, match="not trusted"):
            async with connect(parse_kon(named.kon(fake.url, expectedHost=""), {})):
                pass


async def test_a_pinned_certificate_is_trusted_under_any_name() -> None:
    pinned = make_identities(ca=False, host="konnektor.example")
    async with running(pinned) as fake, connect(parse_kon(pinned.kon(fake.url, expectedHost=""), {})):
        pass
    other = make_identities(ca=False)
    async with running(other) as fake:
        anchors = parse_kon(pinned.kon("https://k"), {}).trust_store
        kon = replace(parse_kon(other.kon(fake.url), {}), trust_store=anchors)
        with pytest.raises(KonnektorUnreachable, match="not trusted"):
            async with connect(kon):
                pass


async def test_a_refused_client_certificate_is_said(identities: Identities) -> None:
    stranger = make_identities()
    mixed = Identities(identities.server_key, identities.server, stranger.client_key, stranger.client)
    async with running(identities) as fake:
        with pytest.raises(KonnektorUnreachable, match="perhaps the client certificate is refused"):
            async with connect(parse_kon(mixed.kon(fake.url), {})):
                pass


async def test_basic_authentication(identities: Identities) -> None:
    async with running(identities, client_certificates=False) as fake:
        text = identities.kon(fake.url, credentials={"type": "basic", "username": "u", "password": "p"})
        async with connect(parse_kon(text, {})):
            pass
    assert fake.received[0].headers["authorization"] == "Basic dTpw"


async def test_nobody_there(identities: Identities, unused_tcp_port: int) -> None:
    with pytest.raises(KonnektorUnreachable, match=f"no answer from https://127.0.0.1:{unused_tcp_port}/connector.sds"):
        async with connect(parse_kon(identities.kon(f"https://127.0.0.1:{unused_tcp_port}"), {})):
            pass


async def test_somebody_who_says_nothing(identities: Identities) -> None:
    release = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(KonnektorUnreachable, match="no connection within 0.2 s"):
        async with connect(parse_kon(identities.kon(f"https://127.0.0.1:{port}"), {}), Timeouts(connect=0.2)):
            pass
    release.set()
    server.close()
    await server.wait_closed()


async def test_operations_at_the_keypad(identities: Identities) -> None:
    async with _both(identities) as (fake, konnektor):
        for operation in ("ChangePin", "UnblockPin", "EnablePin", "DisablePin"):
            fake.answers[operation] = messages.pin_response(PinResult.OK, operation=operation)
        assert (await konnektor.change_pin("hba-1", "PIN.CH")).ok
        assert (await konnektor.unblock_pin("hba-1", "PIN.CH")).ok
        plain = fake.received[-1].body
        assert (await konnektor.unblock_pin("hba-1", "PIN.CH", set_new_pin=True)).ok
        with_new = fake.received[-1].body
        assert (await konnektor.enable_pin("egk-1", "MRPIN.NFD")).ok
        assert (await konnektor.disable_pin("egk-1", "MRPIN.NFD")).ok
    assert b"SetNewPin>false<" in plain
    assert b"SetNewPin>true<" in with_new
