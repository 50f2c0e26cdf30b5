"""A PC/SC reader as a card slot: our code, pyscard, pcscd and vpcd, with our virtual cards in the reader."""

import asyncio
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cardbench import block, desk
from tests.integration.card.conftest import obstacle
from tests.integration.encryption.conftest import data, decrypt_request, encrypt_request, octets_of
from tests.integration.konnektor_core.practice import CALL, Practice
from tests.integration.konnektor_core.surgery import CT, MAC, Surgery, context
from tests.integration.signature.office import XML, around, wish
from tests.integration.signature.stacks import STACK, stack
from tests.judges import needs, openssl_verifies, xmlsec1_verifies
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import Integrity
from tiaas.base.entropy import SystemEntropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardGone
from tiaas.card.objsys import egk
from tiaas.card.objsys.addresses import SFID_GDO
from tiaas.card.virtual.card import ATR, VirtualCard
from tiaas.cli.terminalidentity import TerminalFolder
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import VerifyPin
from tiaas.interfaces.dss_core_v1_0 import IncludeObject
from tiaas.interfaces.encryption_service_v6_1 import Crypt as EncryptionCrypt
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.cardmap import AUT, ECC
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.keys import signer_of
from tiaas.konnektor.opencard import open_card
from tiaas.konnektor.services import signature as signature_service
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.terminallist import TerminalConfig
from tiaas.lab.pki import AuthorityKind
from tiaas.lab.vpcd import attach
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.prehashed import is_signature
from tiaas.terminal.pcsc import PcscCard, PcscError, PcscLink, ReaderWatch, SlotChange, find_reader, readers

WAIT_SECONDS = 20
AROUND = v7_5.IncludeObjects(include_object=(IncludeObject(which_document="D1"),))
WITHOUT = "pyscard is missing: python -m pip install pyscard" if importlib.util.find_spec("smartcard") is None else None
OBSTACLE = obstacle("opensc-tool") or WITHOUT
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=OBSTACLE or "")


@asynccontextmanager
async def in_reader(card: VirtualCard, port: int) -> AsyncIterator[str]:
    """The card is in the first virtual reader, whose name comes back; at the end the reader is known to be empty."""
    name = (await asyncio.to_thread(readers))[0]
    async with aclosing(ReaderWatch(name).changes()) as changes:
        pulled = threading.Event()
        # A loop of its own: a terminal that switches the card off waits for it.
        plugged = asyncio.create_task(asyncio.to_thread(asyncio.run, _keep_in(card, port, pulled)))
        try:
            await until(changes, SlotChange.INSERTED)
            yield name
        finally:
            pulled.set()
            await plugged
            await until(changes, SlotChange.REMOVED)


async def _keep_in(card: VirtualCard, port: int, pulled: threading.Event) -> None:
    plugged = asyncio.create_task(attach(card, port=port))
    await asyncio.to_thread(pulled.wait)
    plugged.cancel()
    await asyncio.gather(plugged, return_exceptions=True)


async def until(changes: AsyncGenerator[SlotChange, None], wanted: SlotChange) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while await anext(changes) is not wanted:
            pass


async def transmit(link: PcscLink, *sent: CommandApdu) -> list[ResponseApdu]:
    return [await link.transmit(command) for command in sent]


async def test_a_reader_is_a_card_link(reader: int) -> None:
    virtual = desk()
    async with in_reader(virtual.card, reader) as name:
        card = PcscCard(name)
        link = PcscLink(card)
        try:
            assert await link.reset() == card.atr == ATR
            select, gdo = await transmit(link, commands.select_mf(), commands.read_binary(sfid=SFID_GDO))
            assert (select.sw, gdo.data[2:]) == (0x9000, virtual.image.iccsn)
            # Octets beyond one buffer, both ways.
            random, verified = await transmit(
                link, commands.get_random(3000), commands.verify(egk.PIN_CH, block("123456"))
            )
            assert len(random.data) == 3000
            assert verified.ok
            assert (await link.transmit(commands.get_pin_status(egk.PIN_CH))).sw == 0x9000
            assert await link.reset() == ATR
            assert (await link.transmit(commands.get_pin_status(egk.PIN_CH))).sw == 0x63C3
        finally:
            await asyncio.to_thread(card.close)


@pytest.mark.code(4094)
async def test_a_card_pulled_in_the_middle_of_its_commands_is_gone(reader: int) -> None:
    """The command under way ends as one that failed, and so do some after it."""
    name = (await asyncio.to_thread(readers))[0]
    pulled = threading.Event()
    async with aclosing(ReaderWatch(name).changes()) as changes:
        plugged = asyncio.create_task(asyncio.to_thread(asyncio.run, _keep_in(desk().card, reader, pulled)))
        try:
            await until(changes, SlotChange.INSERTED)
            card = PcscCard(name)
            link = PcscLink(card)
            try:
                await link.reset()

                async def work() -> None:
                    while True:
                        await link.transmit(commands.get_random(64))

                at_work = asyncio.create_task(work())
                while not plugged.done():
                    await asyncio.sleep(0.05)
                    pulled.set()
                async with asyncio.timeout(WAIT_SECONDS):
                    with pytest.raises(CardGone):
                        await at_work
            finally:
                await asyncio.to_thread(card.close)
        finally:
            pulled.set()
            await plugged
            await until(changes, SlotChange.REMOVED)


async def test_a_card_in_a_reader_signs_as_one_in_a_terminal(reader: int) -> None:
    practice = Practice()
    made = practice.personaliser.smcb(practice.seed.institutions[0])
    virtual = VirtualCard(made.image, clock=practice.clock, entropy=practice.entropy, source=practice.personaliser)
    async with in_reader(virtual, reader) as name:
        pcsc = PcscCard(name)
        link = PcscLink(pcsc)
        try:
            card = practice.cards.insert("READER", 1, await open_card(link, await link.reset()), link)
            practice.personalised[card.handle] = made
            await practice.unlock(card, "PIN.SMC")
            signer = await signer_of(card, card.session(CALL), AUT, ECC, practice.clock)
            value = await signer.sign_digest(bytes(32), signer.scheme)
            key = decode_certificate_untrusted(signer.certificate).key()
            assert is_signature(key, value, bytes(32), signer.scheme)
        finally:
            await asyncio.to_thread(pcsc.close)
    practice.handshakes.close()


async def test_cards_come_and_go(reader: int) -> None:
    first, second = desk(), desk()
    heard: asyncio.Queue[SlotChange] = asyncio.Queue()

    async def next_change() -> SlotChange:
        async with asyncio.timeout(WAIT_SECONDS):
            return await heard.get()

    async def listen(name: str) -> None:
        async for change in ReaderWatch(name).changes():
            heard.put_nowait(change)

    async with in_reader(first.card, reader) as name:
        watch = asyncio.create_task(listen(name))
        assert await next_change() is SlotChange.INSERTED
        card = PcscCard(name)
        await asyncio.to_thread(card.reset)
    try:
        assert await next_change() is SlotChange.REMOVED
        with pytest.raises(CardGone):
            await PcscLink(card).transmit(commands.select_mf())
        async with in_reader(second.card, reader):
            assert await next_change() is SlotChange.INSERTED
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await asyncio.to_thread(card.close)


async def test_foreign_software_sees_the_card(reader: int, tmp_path: Path) -> None:
    """OpenSC's opensc-tool: the ATR, and an APDU of its own."""
    async with in_reader(desk().card, reader) as name:
        shown = await _opensc_tool(tmp_path, name, "--atr")
        assert shown.replace(":", "").strip().upper() == ATR.hex().upper()
        sent = await _opensc_tool(tmp_path, name, "--card-driver", "default", "--send-apdu", "00B082000C")
        assert "SW1=0x90, SW2=0x00" in sent


async def _opensc_tool(folder: Path, reader: str, *options: str) -> str:
    (folder / "opensc.conf").write_text("app default {}\n")
    process = await asyncio.create_subprocess_exec(
        "opensc-tool", "--reader", reader, *options,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OPENSC_CONF": str(folder / "opensc.conf")},
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode(errors="replace")
    return output.decode()


async def test_readers_are_found_by_name(reader: int) -> None:
    names = await asyncio.to_thread(readers)
    assert find_reader(names[0]) == names[0]
    with pytest.raises(PcscError, match="no such reader; there are: Virtual PCD"):
        find_reader("SecureFlash 3000")
    if len(names) > 1:
        with pytest.raises(PcscError, match="several readers fit"):
            find_reader("Virtual")


class ReaderSurgery(Surgery):
    """A surgery that signs; a PC/SC reader is put in the place of one of its terminal's slots."""

    trusted = tuple(AuthorityKind)

    async def boot(self) -> None:
        await super().boot()
        self.operations += signature_service.operations(self.core)

    @asynccontextmanager
    async def moved(self, slot: int, reader: int) -> AsyncIterator[None]:
        """The card of the slot is in the reader, and the reader is the slot; afterwards all is as before."""
        virtual = self.cards[slot - 1]
        self.terminal.eject(slot)
        await self.until(lambda: len(list(self.core.cards)) == 3)
        async with in_reader(virtual, reader) as name:
            # Whoever leaves the service connected keeps the reader from the next.
            with closing(PcscCard(name)) as card:
                if id(virtual) in self.holders.pins:
                    self.holders.pins[id(card)] = self.holders.pins[id(virtual)]
                self.terminal.insert(slot, card)
                await self.until(lambda: len(list(self.core.cards)) == 4)
                yield
                self.terminal.eject(slot)
                await self.until(lambda: len(list(self.core.cards)) == 3)
        self.terminal.insert(slot, virtual)
        await self.until(lambda: len(list(self.core.cards)) == 4)

    @property
    def ca_bundle(self) -> Path:
        """The CAs of the lab, as its terminals have them."""
        return self.folder / "ca.pem"

    def sign_request(
        self, card: str, *documents: v7_5.SignRequest, crypt: v7_5.Crypt = v7_5.Crypt.ECC
    ) -> v7_5.SignDocument:
        """A SignDocument."""
        return v7_5.SignDocument(
            card_handle=card,
            crypt=crypt,
            context=context(),
            tv_mode=v7_5.TvMode.NONE,
            job_number=self.core.jobs.new_number(),
            sign_request=documents,
        )

    async def verify_pin_smc(self) -> str:
        """The SMC-B's PIN typed at the terminal; its handle."""
        smcb = self.find(CardType.SMC_B).handle
        verified = await self.call(VerifyPin(context=context(), card_handle=smcb, pin_typ="PIN.SMC"))
        assert verified.pin_result is PinResult.OK
        return smcb


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surgery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReaderSurgery]:
    out = ReaderSurgery(tmp_path_factory.mktemp("surgery"))
    presses = asyncio.create_task(_press_ok(out))
    await out.open()
    presses.cancel()
    try:
        yield out
    finally:
        await out.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_konnektor_reads_the_card_in_a_reader(reader: int, surgery: ReaderSurgery) -> None:
    """GetCards and ReadVSD at a terminal one of whose slots is the reader."""
    async with surgery.moved(2, reader):
        found = await surgery.call(GetCards(context=context(), mandant_wide=False))
        assert "EGK" in {card.card_type.value for card in found.cards.card}
        answer = await surgery.call(
            ReadVSD(
                ehc_handle=surgery.find(CardType.EGK).handle,
                hpc_handle=await surgery.verify_pin_smc(),
                perform_online_check=False,
                read_online_receipt=False,
                context=context(),
            )
        )
        assert answer.persoenliche_versichertendaten


@pytest.mark.asyncio(loop_scope="module")
@needs("openssl")
@needs("xmlsec1")
async def test_a_konnektor_signs_and_decrypts_with_the_card_in_a_reader(
    reader: int, surgery: ReaderSurgery, tmp_path: Path
) -> None:
    """SignDocument (CAdES, XAdES; judged by foreign programs, too) and DecryptDocument with both keys of an SMC-B; its
    PIN goes from the terminal to the reader."""
    document = b"Arztbrief"
    async with surgery.moved(1, reader):
        smcb = surgery.find(CardType.SMC_B).handle
        sealed = await surgery.call(encrypt_request(data(document), card=smcb, crypt=EncryptionCrypt.RSA_ECC))
        with pytest.raises(KonnektorError) as caught:
            await surgery.call(decrypt_request(sealed.document, smcb))
        assert caught.value.code == 4085
        await surgery.verify_pin_smc()
        assert octets_of((await surgery.call(decrypt_request(sealed.document, smcb))).document) == document
        for crypt in (v7_5.Crypt.RSA, v7_5.Crypt.ECC):
            answer = await surgery.call(surgery.sign_request(smcb, wish(document, "text/plain"), crypt=crypt))
            signature = answer.sign_response[0].signature_object.base64_signature
            (found,) = read_cades_untrusted(signature.value, document)
            assert found.integrity is Integrity.INTACT
            assert found.certificate in surgery.smcb.image.files.values()
            (tmp_path / "document").write_bytes(document)
            openssl_verifies(signature.value, tmp_path, surgery.ca_bundle, "-content", "document")
        answer = await surgery.call(surgery.sign_request(smcb, wish(XML, xml=True, include_objects=AROUND)))
        xmlsec1_verifies(around(answer.sign_response[0]), tmp_path, surgery.ca_bundle)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.requirement("TIP1-A_5666-02", "TIP1-A_4671")
@pytest.mark.code(4049)
async def test_a_stack_signed_by_the_card_in_a_reader_is_stopped(reader: int, surgery: ReaderSurgery) -> None:
    async with surgery.moved(1, reader):
        smcb = await surgery.verify_pin_smc()
        request = surgery.sign_request(smcb, *stack(STACK))
        begun = asyncio.Event()

        def heard(event: Event) -> None:
            if event.topic == Topic.SIGN_NEXT_SUCCESSFUL:
                begun.set()

        forget = surgery.core.hub.subscribe(heard)
        job = asyncio.create_task(surgery.call(request))
        async with asyncio.timeout(WAIT_SECONDS):
            await begun.wait()
        forget()
        await surgery.call(v7_5.StopSignature(context=context(), job_number=request.job_number or ""))
        with pytest.raises(KonnektorError) as ended:
            await job
        assert ended.value.code == 4049
        await surgery.call(surgery.sign_request(smcb, wish(b"Arztbrief", "text/plain")))


class ServedSurgery(Surgery):
    """A surgery whose terminal is another process: `tiaas terminal serve` with the SMC-B in its reader."""

    async def open_at(self, port: int) -> None:
        self.store = await SqliteStore.open(self.folder / "konnektor.db")
        await self.boot()
        await self.core.terminals.add(TerminalConfig(CT, "tiaas-pcsc", MAC, "127.0.0.1", port, 2))
        await self.core.terminals.pair(CT, self.confirm)
        await self.core.terminals.settled(CT)

    async def close(self) -> None:
        await self.shut()
        await self.store.close()


class Served:
    """The process, what it wrote, and a person at its console."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    @classmethod
    async def start(cls, reader: str, state: Path) -> "Served":
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tiaas", "terminal", "serve", "--pcsc", reader, "--state", str(state),
                "--port", "0", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        )  # fmt: skip

    async def line_with(self, *texts: str) -> str:
        """The next line that has one of the texts."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_SECONDS):
            while raw := await self.process.stdout.readline():
                self.lines.append(raw.decode().strip())
                if any(text in self.lines[-1] for text in texts):
                    return self.lines[-1]
        raise AssertionError("\n".join(self.lines))

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        output, _ = await asyncio.wait_for(self.process.communicate(), WAIT_SECONDS)
        self.lines += output.decode().splitlines()


async def test_a_terminal_made_of_a_reader(reader: int, tmp_path: Path) -> None:
    """It pairs, its card is found, its PIN is typed on the console and nowhere seen, the card is pulled."""
    surgery = ServedSurgery(tmp_path)
    surgery.smcb = surgery.personaliser.smcb(surgery.seed.institutions[0])
    smkt = surgery.personaliser.gsmckt(7)
    exported = {"image": smkt.image.to_document()}
    TerminalFolder(tmp_path / "terminal").create(exported, surgery.pki.ca_bundle_pem, SystemEntropy())
    virtual = surgery.virtual(surgery.smcb)
    pin = surgery.smcb.pins["PIN.SMC"].reveal().decode()
    async with in_reader(virtual, reader) as name:
        served = await Served.start(name, tmp_path / "terminal")
        try:
            started = await served.line_with("terminal ")
            port = re.search(r"127\.0\.0\.1:(\d+)", started)
            assert port is not None, started
            opening = asyncio.create_task(surgery.open_at(int(port.group(1))))
            await served.line_with("PAIREN")
            served.type("")
            await opening
            # A card is there before it is read.
            await surgery.until(lambda: any(card.card_type is CardType.SMC_B for card in surgery.core.cards))
            smcb = surgery.find(CardType.SMC_B).handle
            request = VerifyPin(context=context(), card_handle=smcb, pin_typ="PIN.SMC")
            verifying = asyncio.create_task(surgery.call(request))
            await served.line_with("PIN.SMC")
            served.type(pin)
            assert (await verifying).pin_result is PinResult.OK
            cancelling = asyncio.create_task(surgery.call(request))
            await served.line_with("PIN.SMC")
            served.type("c")
            with pytest.raises(KonnektorError) as caught:
                await cancelling
            assert caught.value.code == 4049
            assert not any(pin in line for line in served.lines)
        except BaseException:
            await served.stop()
            raise
    try:
        await surgery.until(lambda: len(list(surgery.core.cards)) == 1)
    finally:
        await surgery.close()
        await served.stop()
    assert served.process.returncode in (0, 130)
    assert not any(pin in line for line in served.lines)
    assert (tmp_path / "terminal" / "state.json").stat().st_mode & 0o777 == 0o600


async def _press_ok(surgery: Surgery) -> None:
    while True:
        await asyncio.sleep(0.02)
        terminal = getattr(surgery, "terminal", None)
        if terminal is not None and "PAIREN" in str(terminal.snapshot()):
            terminal.press("ok")
