"""The whole lab: PKI, people, cards, practices with their terminals. Knows no Konnektor.

Everything that can change is in the database before anybody hears of the change; a lab opened again is where it was.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input_text
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.image import CardImage
from tiaas.lab.books import CertificateBook
from tiaas.lab.cardform import CardForm
from tiaas.lab.cardmaker import MADE_BY_HAND, CardMaker
from tiaas.lab.cards import CardBox, LabCard
from tiaas.lab.errors import CardElsewhere, LabError, UnknownTerminal
from tiaas.lab.faults import FaultBook
from tiaas.lab.founding import SAK_ICCSN, Founder
from tiaas.lab.gateway import Gateways
from tiaas.lab.identifiers import lab_iccsn
from tiaas.lab.journal import Journal
from tiaas.lab.keys import new_rsa_key
from tiaas.lab.ksr.server import Ksr
from tiaas.lab.personalise import Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.pkiservices import PKI_PORT, TSL_PORT, PkiParts, PkiServices
from tiaas.lab.population import PATIENTS, TERMINALS_MAX, Population, populate
from tiaas.lab.ports import Ports
from tiaas.lab.practice import HOME_SLOTS, LabTerminal, Practice, TerminalRecord
from tiaas.lab.ready import Place
from tiaas.lab.registration.server import RegistrationServer
from tiaas.lab.seed import Institution, Seed, parse_seed
from tiaas.lab.signers import Signers
from tiaas.lab.smktidentity import CERTIFICATE, SmktIdentity
from tiaas.lab.store import Kind, LabStore
from tiaas.lab.terminalmaker import TerminalMaker
from tiaas.lab.timeserver import TIME_PORT, TimeServer
from tiaas.lab.vsdm.books import Books
from tiaas.lab.vsdm.secrets import VsdmSecrets
from tiaas.lab.vsdm.services import VsdmServices
from tiaas.lab.vzd.directory import VzdService
from tiaas.lab.vzd.insurers import InsurerCertificates
from tiaas.lab.vzd.listing import Listing
from tiaas.terminal.virtual.terminal import VirtualTerminal

LOOPBACK = "127.0.0.1"
SICCT_PORT = 4742
"""The port registered for SICCT; the first terminal takes it if it is free, the next ones those after it."""


class Lab:
    """An opened lab. `on_change` is called (in the event loop's thread) when a card moved or a PIN changed."""

    def __init__(self, store: LabStore, pki: LabPki, seed: Seed, *, clock: Clock, entropy: Entropy) -> None:
        self.store = store
        self.pki = pki
        self.clock = clock
        self.entropy = entropy
        self.ports = Ports(store, entropy)
        self.faults = FaultBook(clock)
        self.journal = Journal(clock)
        self.book = CertificateBook(store, clock)
        pki.on_issue = self.book.enter
        self.signers = Signers(
            pki,
            store.meta("signers"),
            entropy=entropy,
            clock=clock,
            on_change=partial(_keep, store, "signers"),
        )
        self.time = TimeServer(clock, self.faults, self.journal)
        self.gateways = Gateways()
        self.ksr = Ksr(store, pki, self.faults, self.journal, clock=clock, entropy=entropy)
        self.registration = RegistrationServer(
            store, pki, self.book, self.faults, self.journal, clock=clock, entropy=entropy
        )
        self.services: PkiServices | None = None
        """The trust lists and the status service, once `start_pki` has brought them up."""
        self.on_change: Callable[[], None] = _nothing
        self.practices: dict[int, Practice] = {}
        self._seed = seed
        self._secrets, self._secrets_are_new = VsdmSecrets.load(store, entropy)
        self._people = populate(seed, 1)
        self.personaliser = self._personaliser_for(self._people)
        self.cards = CardBox(store, self, clock=clock, entropy=entropy, on_pins=self._changed)
        self._terminals = TerminalMaker(
            store, pki, self.cards, self.faults, clock, entropy, insert=self.insert, on_move=self._changed
        )
        self.books = Books(store, self.cards, self._everybody, entropy, self._changed)
        self.maker = CardMaker(
            store, pki, self.cards, self.book, lambda: self._secrets.card_keys, clock=clock, entropy=entropy
        )
        self.vsdm = VsdmServices(
            self._secrets,
            self.books,
            pki,
            self._everybody,
            faults=self.faults,
            journal=self.journal,
            clock=clock,
            entropy=entropy,
        )

        insurers = InsurerCertificates(store, pki, clock, entropy)
        listing = Listing(lambda: self._people, lambda: self.practices, self.cards, insurers, clock)
        self.vzd = VzdService(store.folder / "vzd", pki, listing.entries, self.faults, self.journal)

    @classmethod
    def open(
        cls,
        store: LabStore,
        *,
        clock: Clock,
        entropy: Entropy,
        ecc_only: bool = False,
        seed_text: str | None = None,
        rsa_keys: Callable[[], RSAPrivateKey] = new_rsa_key,
    ) -> "Lab":
        """The lab in `store`; a new one gets its PKI and seed now. `load` then brings its practices.

        `rsa_keys` makes the keys of a new PKI's RSA half.

        Raises `LabError` if `ecc_only` or `seed_text` contradict what the lab was made with, `InvalidInput` for a bad
        seed.
        """
        document = store.meta("pki")
        if document is None:
            text = (
                seed_text
                if seed_text is not None
                else files("tiaas.lab").joinpath("seed.toml").read_text(encoding="utf-8")
            )
            seed = parse_seed(text, "seed")
            pki = LabPki.create(entropy, clock, ecc_only=ecc_only, rsa_keys=rsa_keys)
            with store.transaction():
                store.put_meta("seed", text)
                store.put_meta("pki", pki.to_document())
                store.put_meta("books", True)
        else:
            text = str(store.meta("seed"))
            seed = parse_seed(text, "seed")
            pki = LabPki.from_document(document, entropy, clock)
            if ecc_only and not pki.ecc_only:
                raise LabError("this lab was made with RSA cards too; --ecc-only needs a new --dir")
            if seed_text is not None and seed_text != text:
                raise LabError("this lab was made from another seed; a new seed needs a new --dir")
        pki.on_change = lambda changed, undo: _keep(store, "pki", changed.to_document(), undo)
        return cls(store, pki, seed, clock=clock, entropy=entropy)

    def load(self, practices: int | None, terminals: int | None = None, patients: int | None = None) -> None:
        """Brings the stored practices back and makes what is missing up to the numbers wanted.

        `terminals` and `patients` are per practice. None: as many as there are; in a new practice one terminal and
        `PATIENTS` patients, in a new lab one practice. Fewer than there are is refused with `LabError`: all of them
        have state, and removing it is not for a start. Raises `InvalidInput` for a number out of range.
        """
        stored = self.store.all(Kind.PRACTICE)
        wanted = practices if practices is not None else max(len(stored), 1)
        if terminals is not None and not 1 <= terminals <= TERMINALS_MAX:
            raise InvalidInput(f"a practice has 1 to {TERMINALS_MAX} terminals")
        self.cards.load()
        if self._secrets_are_new:
            # Cards of a lab from before there was an insurer's service have keys that nobody knows.
            with self.store.transaction():
                self.cards.give_keys(self._secrets.card_keys.all_of)
                self._secrets.keep(self.store)
            self._secrets_are_new = False
        patients_of = {(card.practice, card.kvnr) for card in self.cards if card.kvnr and card.practice != MADE_BY_HAND}
        have = Counter(practice for practice, _ in patients_of)
        records = [TerminalRecord.from_document(document) for document in self.store.all(Kind.TERMINAL).values()]
        placed = Counter(record.practice for record in records)
        _refuse_fewer("practices", len(stored), practices)
        _refuse_fewer("terminals", max(placed.values(), default=0), terminals)
        _refuse_fewer("patients", max(have.values(), default=0), patients)
        each = {number: have[number] or PATIENTS if patients is None else patients for number in range(1, wanted + 1)}
        self._people = populate(self._seed, wanted, each)
        self.personaliser = self._personaliser_for(self._people)
        for document in stored.values():
            self.practices[document["number"]] = Practice.from_document(document)
        founder = Founder(self.store, self.pki, self.cards, self.books, self._people, self.personaliser, self.entropy)
        for number in range(1, wanted + 1):
            with self.store.transaction():
                records += founder.complete(self.practices, number, placed[number], terminals)
        self._complete_book()
        for record in sorted(records, key=lambda record: (record.practice, record.number)):
            self.practices[record.practice].terminals[record.ct_id] = self._terminals.make(record)

    def provide(self, image: CardImage, path: str) -> bool:
        """`ObjectSource.provide` for all cards."""
        return self.personaliser.provide(image, path)

    async def start_pki(self) -> PkiServices:
        """Brings up the PKI services; before `load`, or new certificates do not name the status service.

        Raises `LabError` (ports), `OSError`.
        """

        parts = PkiParts(self.store, self.pki, self.signers, self.book, self.faults, self.journal)

        async def listen(port: int) -> PkiServices:
            async def serve(tls_port: int) -> PkiServices:
                urls = f"http://{LOOPBACK}:{port}", f"https://{LOOPBACK}:{tls_port}"
                services = PkiServices(parts, *urls, clock=self.clock, entropy=self.entropy)
                await services.start(LOOPBACK)
                return services

            _, services = await self.ports.claim("tsl", LOOPBACK, serve, preferred=TSL_PORT)
            return services

        _, services = await self.ports.claim("pki", LOOPBACK, listen, preferred=PKI_PORT)
        self.services = services
        return services

    async def start(self) -> None:
        """Switches all terminals and services on. Raises `LabError` (ports), `OSError`."""
        # Another process does most of the directory's work.
        directory = asyncio.create_task(self.vzd.start(self.ports))
        try:
            await self._start_services()
            await directory
        finally:
            directory.cancel()
            await asyncio.gather(directory, return_exceptions=True)

    async def _start_services(self) -> None:
        for at, terminal in enumerate(self.terminals()):
            virtual = terminal.virtual

            async def listen(port: int, virtual: VirtualTerminal = virtual) -> int:
                return await virtual.start(LOOPBACK, port)

            port, _ = await self.ports.claim(f"sicct/{terminal.ct_id}", LOOPBACK, listen, preferred=SICCT_PORT + at)
            terminal.sicct = f"{LOOPBACK}:{port}"
        await self.vsdm.start(self.ports)
        await self.ports.claim("time", LOOPBACK, partial(self.time.start, LOOPBACK), preferred=TIME_PORT)
        await self.gateways.start(self.ports, LOOPBACK)
        await self.ksr.start(self.ports, LOOPBACK)
        self.registration.contracts.practices = tuple(self.practices)
        await self.registration.start(self.ports, LOOPBACK)

    async def stop(self) -> None:
        """Switches all terminals and services off."""
        self.time.stop()
        await self.end_mishaps()
        await self.gateways.stop()
        await self.ksr.stop()
        await self.registration.stop()
        await asyncio.gather(
            self.vsdm.stop(), self.vzd.stop(), *(practice.stop() for practice in self.practices.values())
        )
        if self.services is not None:
            await self.services.stop()
            self.services = None

    async def end_mishaps(self) -> None:
        """Ends what faults that struck still had to do: plugs that wait to be pulled, cards to be put back."""
        await self._terminals.end_mishaps()

    def terminals(self) -> Iterator[LabTerminal]:
        """All terminals, practice by practice."""
        for practice in self.practices.values():
            yield from practice.terminals.values()

    def terminal(self, ct_id: str) -> LabTerminal:
        """The terminal of that ctId. Raises `UnknownTerminal`."""
        for terminal in self.terminals():
            if terminal.ct_id == ct_id:
                return terminal
        raise UnknownTerminal

    def terminal_certificate(self, terminal: LabTerminal) -> bytes:
        """C.SMKT.AUT (DER) of the gSMC-KT made for a terminal: what is printed on the paper in its box."""
        return self._terminals.smkt(terminal.record).files[CERTIFICATE]

    def place_of(self, iccsn: str) -> Place | None:
        """Where a card is; None: in the drawer."""
        places = (terminal.place_of(iccsn) for terminal in self.terminals())
        return next((place for place in places if place is not None), None)

    def insert(self, ct_id: str, slot: int, iccsn: str | None) -> str:
        """Puts a card (None: the one last ejected from there) into a slot; returns its ICCSN. Raises `ControlError`."""
        terminal = self.terminal(ct_id)
        terminal.check_free(slot)
        card = self.cards.get(iccsn or terminal.last_ejected(slot))
        place = self.place_of(card.iccsn)
        if place is not None:
            raise CardElsewhere(place.ct_id, place.slot)
        terminal.insert(slot, card)
        return card.iccsn

    def make_card(self, form: CardForm) -> LabCard:
        """A new card in the drawer. Raises `InvalidInput`."""
        made = self.maker.make(form, self._everybody().insurers)
        self._changed()
        return made

    def import_card(self, document: dict[str, Any]) -> LabCard:
        """A card that was written out, into the drawer. Raises `InvalidInput`, `CardExists`."""
        taken = self.maker.take_in(document)
        self._changed()
        return taken

    def make_too_old(self, iccsn: str, *, too_old: bool) -> None:
        """Makes a card in the drawer one of generation 1, or mends it. Raises `UnknownCard`, `CardElsewhere`."""
        place = self.place_of(self.cards.get(iccsn).iccsn)
        if place is not None:
            raise CardElsewhere(place.ct_id, place.slot)
        self.cards.make_too_old(iccsn, too_old=too_old)

    def eject(self, ct_id: str, slot: int) -> str:
        """Takes the card out of a slot; returns its ICCSN. Raises `ControlError`."""
        return self.terminal(ct_id).eject(slot)

    def home_slot(self, card: LabCard) -> Place:
        """Where a card belongs if nobody says where: where it was last, else where its practice has such cards."""
        for terminal in self.terminals():
            for slot, iccsn in terminal.record.ejected.items():
                if iccsn == card.iccsn:
                    return Place(terminal.ct_id, slot)
        practice = self.practices.get(card.practice) or next(iter(self.practices.values()))
        terminal = next(iter(practice.terminals.values()))
        # An HBA-Vorläuferkarte takes the place of an HBA.
        return Place(terminal.ct_id, HOME_SLOTS.get(card.kind, HOME_SLOTS[CardKind.HBA]))

    def _everybody(self) -> Seed:
        """The lab's people, and the insurers that came with cards made from forms."""
        known = {insurer.ik: insurer for insurer in self._people.seed.insurers}
        added = {card.insurer.ik: card.insurer for card in self.cards if card.insurer is not None}
        return replace(self._people.seed, insurers=tuple((added | known).values()))

    def _complete_book(self) -> None:
        """Enters what was issued before this lab kept books."""
        if self.store.meta("books") is None:
            authorities = self.signers.issuers
            with self.store.transaction():
                for card in self.cards:
                    for path, content in card.card.image.files.items():
                        if "/EF.C." in path:
                            self.book.enter_found(content, authorities, card.iccsn)
                for practice in self.practices.values():
                    self.book.enter_found(practice.sak[0], authorities, "")
                self.store.put_meta("books", True)

    def _personaliser_for(self, people: Population) -> Personaliser:
        keys = self._secrets.card_keys
        return Personaliser(self.pki, people.seed, self.entropy, self.clock, numbers=people.numbers, card_keys=keys)

    def identity_of(self, terminal: LabTerminal) -> SmktIdentity:
        """The identity that the terminal has by its gSMC-KT."""
        return self._terminals.identity_of(terminal)

    def institution_of(self, number: int) -> Institution:
        """Whose practice it is."""
        return self._people.staffing(number).institution

    def device(self, number: int, days_left: int) -> bytes:
        """C.NK.VPN of the box of a practice, DER, see `LabPki.device`."""
        return self.pki.device(lab_iccsn(SAK_ICCSN, 0, number), days_left)

    def sak_cvc(self, practice: int) -> tuple[bytes, bytes, Secret]:
        """ID.SAK.AUTD_CVC of a practice's Konnektor, see `LabPki.sak_cvc`; made at the first call and kept, because
        HBAs keep the public key under a name that stays."""
        name = f"sak-cvc/{practice}"
        kept = self.store.meta(name)
        if kept is None:
            parts = self.pki.sak_cvc(lab_iccsn(SAK_ICCSN, 0, practice))
            kept = [part.hex() for part in parts]
            self.store.put_meta(name, kept)
        certificate, authority, key = (bytes.fromhex(part) for part in kept)
        return certificate, authority, Secret(key)

    def further_sak(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes, bytes]]:
        """ID.SAK.AUT for an instance that belongs to no practice, certificate and PKCS#8 key, both DER; and its
        ID.SAK.AUTD_CVC, see `LabPki.sak_cvc`."""
        number = int(self.store.meta("further-saks") or 0) + 1
        self.store.put_meta("further-saks", number)
        iccsn = lab_iccsn(SAK_ICCSN, 1, number)
        return self.pki.sak(iccsn), self.pki.sak_cvc(iccsn)

    def _changed(self) -> None:
        self.on_change()


def read_seed_text(path: Path) -> str:
    """The text of a seed file. Raises `InvalidInput`."""
    return read_input_text(path)


def _keep(store: LabStore, key: str, document: Any, undo: Callable[[], object]) -> None:
    with store.transaction():
        store.undo(undo)
        store.put_meta(key, document)


def _refuse_fewer(what: str, have: int, wanted: int | None) -> None:
    if wanted is not None and wanted < have:
        raise LabError(f"this lab has {have} {what}; start it without --{what} or with more, or use a new --dir")


def _nothing() -> None:
    """Nobody wants to hear of changes yet."""
