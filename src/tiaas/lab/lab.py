"""The whole lab: PKI, people, cards, practices with their terminals. Knows no Konnektor.

Everything that can change is in the database before anybody hears of the change; a lab opened again is where it was.
"""

import asyncio
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.image import CardImage
from tiaas.lab.cards import CardBox, LabCard
from tiaas.lab.errors import CardElsewhere, LabError, UnknownTerminal
from tiaas.lab.faults import FaultBook
from tiaas.lab.identifiers import lab_iccsn
from tiaas.lab.journal import Journal
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import AuthorityKind, LabPki
from tiaas.lab.population import populate, staffing
from tiaas.lab.ports import Ports
from tiaas.lab.practice import HOME_SLOTS, LabTerminal, Practice, TerminalRecord
from tiaas.lab.ready import Place, write_private
from tiaas.lab.seed import parse_seed
from tiaas.lab.store import Kind, LabStore
from tiaas.terminal.virtual.terminal import TerminalConfig, TerminalState, VirtualTerminal

LOOPBACK = "127.0.0.1"
SICCT_PORT = 4742
"""The port registered for SICCT; the first terminal takes it if it is free, the next ones those after it."""

_SMKT_CERTIFICATE = "MF/DF.KT/EF.C.SMKT.AUT2.E256"
_SMKT_KEY = "MF/DF.KT/PrK.SMKT.AUT2.E256"
_LOCALLY_ADMINISTERED = b"\x02"
_SAK_ICCSN = 5  # the digit that `personalise` leaves for a Konnektor's own identity


class Lab:
    """An opened lab. `on_change` is called (in the event loop's thread) when a card moved or a PIN changed."""

    def __init__(self, store: LabStore, pki: LabPki, seed_text: str, *, clock: Clock, entropy: Entropy) -> None:
        self.store = store
        self.pki = pki
        self.clock = clock
        self.entropy = entropy
        self.ports = Ports(store, entropy)
        self.faults = FaultBook()
        self.journal = Journal(clock)
        self.on_change: Callable[[], None] = _nothing
        self.practices: dict[int, Practice] = {}
        self._seed_text = seed_text
        self._personaliser = self._personaliser_for(1)
        self.cards = CardBox(store, self, clock=clock, entropy=entropy, on_pins=self._changed)

    @classmethod
    def open(
        cls, store: LabStore, *, clock: Clock, entropy: Entropy, ecc_only: bool = False, seed_text: str | None = None
    ) -> "Lab":
        """The lab in `store`; a new one gets its PKI and seed now. `load` then brings its practices.

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
            parse_seed(text, "seed")
            pki = LabPki.create(entropy, clock, ecc_only=ecc_only)
            with store.transaction():
                store.put_meta("seed", text)
                store.put_meta("pki", pki.to_document())
        else:
            text = str(store.meta("seed"))
            pki = LabPki.from_document(document, entropy, clock)
            if ecc_only and not pki.ecc_only:
                raise LabError("this lab was made with RSA cards too; --ecc-only needs a new --dir")
            if seed_text is not None and seed_text != text:
                raise LabError("this lab was made from another seed; a new seed needs a new --dir")
        pki.on_change = lambda changed: store.put_meta("pki", changed.to_document())
        return cls(store, pki, text, clock=clock, entropy=entropy)

    def load(self, practices: int | None) -> None:
        """Brings the stored practices back and makes new ones up to `practices` (None: as many as there are, or one).

        Fewer than there are is refused with `LabError`: a practice has state, and removing it is not for a start.
        """
        stored = self.store.all(Kind.PRACTICE)
        wanted = practices if practices is not None else max(len(stored), 1)
        if wanted < len(stored):
            raise LabError(
                f"this lab has {len(stored)} practices; start it without --practices or with more, or use a new --dir"
            )
        self._personaliser = self._personaliser_for(wanted)
        self.cards.load()
        for document in stored.values():
            self.practices[document["number"]] = Practice.from_document(document)
        for number in range(len(stored) + 1, wanted + 1):
            self._found(number)
        for terminal in self.store.all(Kind.TERMINAL).values():
            record = TerminalRecord.from_document(terminal)
            self.practices[record.practice].terminals[record.ct_id] = self._terminal(record)

    def provide(self, image: CardImage, path: str) -> bool:
        """`ObjectSource.provide` for all cards."""
        return self._personaliser.provide(image, path)

    async def start(self) -> None:
        """Switches all terminals on. Raises `LabError` (ports), `OSError`."""
        for at, terminal in enumerate(self.terminals()):
            virtual = terminal.virtual

            async def listen(port: int, virtual: VirtualTerminal = virtual) -> int:
                return await virtual.start(LOOPBACK, port)

            port, _ = await self.ports.claim(f"sicct/{terminal.ct_id}", LOOPBACK, listen, preferred=SICCT_PORT + at)
            terminal.sicct = f"{LOOPBACK}:{port}"

    async def stop(self) -> None:
        """Switches all terminals off."""
        await asyncio.gather(*(practice.stop() for practice in self.practices.values()))

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
        (smkt,) = self.cards.of_practice(terminal.record.practice, CardKind.SMC_KT)
        return smkt.card.image.files[_SMKT_CERTIFICATE]

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

    def eject(self, ct_id: str, slot: int) -> str:
        """Takes the card out of a slot; returns its ICCSN. Raises `ControlError`."""
        return self.terminal(ct_id).eject(slot)

    def home_slot(self, card: LabCard) -> Place:
        """Where a card belongs if nobody says where: where it was last, else where its practice has such cards."""
        for terminal in self.terminals():
            for slot, iccsn in terminal.record.ejected.items():
                if iccsn == card.iccsn:
                    return Place(terminal.ct_id, slot)
        terminal = next(iter(self.practices[card.practice].terminals.values()))
        return Place(terminal.ct_id, HOME_SLOTS[card.kind])

    def _personaliser_for(self, practices: int) -> Personaliser:
        seed = populate(parse_seed(self._seed_text, "seed"), practices)
        self._seed = seed
        return Personaliser(self.pki, seed, self.entropy, self.clock)

    def _found(self, number: int) -> None:
        """Makes practice `number`: cards, terminal, everything in its slot or in the drawer."""
        staff = staffing(self._seed, number)
        maker = self._personaliser
        with self.store.transaction():
            egks = [self._add(maker.egk(patient), number) for patient in staff.patients]
            smcb = self._add(maker.smcb(staff.institution), number)
            hba = self._add(maker.hba(staff.professional), number)
            smkt = self._add(maker.gsmckt(number), number)
            record = TerminalRecord(
                ct_id=f"CT-{number}",
                name=f"KT-PRAXIS-{number}",
                mac=_LOCALLY_ADMINISTERED + self.entropy.octets(5),
                practice=number,
                slots=dict(zip(HOME_SLOTS.values(), (egks[0], smcb, hba, smkt), strict=True)),
            )
            self.store.put(Kind.TERMINAL, record.ct_id, record.to_document())
            certificate, key = self.pki.sak(lab_iccsn(_SAK_ICCSN, 0, number))
            practice = Practice(number, staff.institution.name, (certificate, Secret(key)))
            self.store.put(Kind.PRACTICE, str(number), practice.to_document())
        self.practices[number] = practice

    def _add(self, made: PersonalisedCard, practice: int) -> str:
        return self.cards.add(made.image, made.holder, made.kvnr, practice).iccsn

    def _terminal(self, record: TerminalRecord) -> LabTerminal:
        return LabTerminal(record, self._virtual, store=self.store, cards=self.cards, on_move=self._changed)

    def _virtual(self, record: TerminalRecord, on_state: Callable[[TerminalState], None]) -> VirtualTerminal:
        folder = self.store.folder / "terminals" / record.ct_id
        config = TerminalConfig(
            name=record.name,
            mac=record.mac,
            certificate_file=folder / "certificate.pem",
            key_file=folder / "key.pem",
            client_ca_file=folder / "client-ca.pem",
            slots=len(HOME_SLOTS),
            smkt_slot=HOME_SLOTS[CardKind.SMC_KT],
        )
        self._write_identity(record, config)
        state = TerminalState() if record.state is None else TerminalState.from_document(record.state)
        return VirtualTerminal(
            config, state, clock=self.clock, entropy=self.entropy, pins=self.cards, on_change=on_state
        )

    def _write_identity(self, record: TerminalRecord, config: TerminalConfig) -> None:
        """The files from which `ssl` reads the identity of the gSMC-KT that was made for this terminal."""
        (smkt,) = self.cards.of_practice(record.practice, CardKind.SMC_KT)
        image = smkt.card.image
        folder = config.certificate_file.parent
        for place in (folder.parent, folder):
            place.mkdir(mode=0o700, exist_ok=True)
        certificate = x509.load_der_x509_certificate(image.files[_SMKT_CERTIFICATE])
        key = load_der_private_key(image.keys[_SMKT_KEY], None)
        write_private(config.certificate_file, certificate.public_bytes(Encoding.PEM))
        write_private(config.key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        issuer = self.pki.authority(AuthorityKind.KOMP).certificate
        write_private(config.client_ca_file, issuer.public_bytes(Encoding.PEM))

    def _changed(self) -> None:
        self.on_change()


def read_seed_text(path: Path) -> str:
    """The text of a seed file. Raises `InvalidInput`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read ({type(error).__name__})") from None


def _nothing() -> None:
    """Nobody wants to hear of changes yet."""
