"""Makes single cards from forms, beside those of a lab's people."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, KeyProfile, TransparentFile
from tiaas.card.virtual.image import BadImage, CardImage
from tiaas.lab.books import CertificateBook
from tiaas.lab.cardform import CardForm, CertificateState, StateForm
from tiaas.lab.cards import CardBox, LabCard
from tiaas.lab.cardstates import apply_state
from tiaas.lab.errors import CardExists
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki, midnight
from tiaas.lab.seed import Insurer, Pins, Seed
from tiaas.lab.store import LabStore
from tiaas.lab.vsdm.cardkeys import CardKeys
from tiaas.pki.issue import Validity

MADE_BY_HAND = 0
"""The practice of a card that was made from a form: none."""

# Numbers of made cards begin here, far above those of people and terminals.
_FIRST_NUMBER = 5_000_000
_EXPIRED_SINCE = timedelta(days=30)
_LIFE = timedelta(days=5 * 365)
_FORMAT, _VERSION = "tiaas card", 1


class CardMaker:
    """Makes cards, writes them out and takes them in. What it makes is stored before it is returned."""

    def __init__(
        self,
        store: LabStore,
        pki: LabPki,
        cards: CardBox,
        book: CertificateBook,
        card_keys: Callable[[], CardKeys],
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._pki = pki
        self._cards = cards
        self._book = book
        self._card_keys = card_keys
        self._clock = clock
        self._entropy = entropy

    def make(self, form: CardForm, insurers: tuple[Insurer, ...]) -> LabCard:
        """The card of a form; `insurers` are those the lab knows. Raises `InvalidInput`."""
        if form.state.profile is KeyProfile.RSA_ONLY and self._pki.ecc_only:
            raise InvalidInput("state.generation: this lab has no RSA certificates (it was made with --ecc-only)")
        number = int(self._store.meta("made cards") or 0)
        with self._store.transaction():
            try:
                made = self._personalise(form, insurers, _FIRST_NUMBER + number)
                apply_state(made.image, form.state)
            except ValueError as error:
                raise InvalidInput(f"this card cannot be made: {error}") from None
            self._store.put_meta("made cards", number + 1)
            card = self._cards.add(made.image, made.holder, made.kvnr, MADE_BY_HAND, (form.patient, form.insurer))
            if form.state.certificates is CertificateState.REVOKED:
                self._book.revoke(card.iccsn)
        return card

    def export(self, iccsn: str) -> dict[str, Any]:
        """A card with all its keys and PINs, to be taken in here or elsewhere. Raises `UnknownCard`.

        Keys and certificates that nobody needed yet are made now: elsewhere nobody can.
        """
        self._cards.complete(iccsn)
        card = self._cards.get(iccsn)
        head = {"format": _FORMAT, "version": _VERSION, "test_only": True}
        return {**head, "holder": card.holder, "kvnr": card.kvnr, "image": card.card.image.to_document()}

    def take_in(self, document: dict[str, Any]) -> LabCard:
        """A card that `export` wrote. Raises `InvalidInput`, `CardExists`."""
        if document.get("format") != _FORMAT or document.get("version") != _VERSION:
            raise InvalidInput("this is no card written by tiaas card export")
        holder, kvnr = document.get("holder"), document.get("kvnr")
        if not isinstance(holder, str) or not (kvnr is None or isinstance(kvnr, str)):
            raise InvalidInput("the card file is damaged: holder and kvnr are missing")
        try:
            image = CardImage.from_document(document.get("image"))
        except BadImage as error:
            raise InvalidInput(f"the card file is damaged: image: {error}") from None
        if any(card.iccsn == image.iccsn.hex() for card in self._cards):
            raise CardExists
        with self._store.transaction():
            return self._cards.add(image, holder, kvnr, MADE_BY_HAND)

    def _personalise(self, form: CardForm, insurers: tuple[Insurer, ...], number: int) -> PersonalisedCard:
        seed = _seed_of(form, insurers)
        self._check_days(form.state)
        maker = Personaliser(
            self._pki,
            seed,
            self._entropy,
            self._clock,
            numbers={_key(form): number},
            card_keys=self._card_keys(),
            validity=self._validity(form.state),
            cvc_last=form.state.cvc_last_day,
        )
        if form.kind is CardKind.EGK:
            made = maker.egk(seed.patients[0])
        elif form.kind is CardKind.HBA:
            made = maker.hba(seed.professionals[0])
        elif form.kind is CardKind.HBA_QSIG:
            made = maker.hbaqsig(seed.professionals[0])
        elif form.kind is CardKind.SMC_B:
            made = maker.smcb(seed.institutions[0])
        else:
            made = maker.gsmckt(number)
        made.image.profile = form.profile
        if self._validity(form.state) is not None:
            # Made later they would be valid as long as others.
            for path, item in object_system(form.kind, made.image.profile).objects.items():
                if isinstance(item, TransparentFile) and path not in made.image.files:
                    maker.provide(made.image, path)
        return made

    def _check_days(self, state: StateForm) -> None:
        """No card outlives its issuer's certificates. Raises ValueError."""
        latest = (self._clock.now() + _LIFE).date()
        for key, last in (
            ("certificates_until", state.x509_last_day),
            ("cv_certificates_until", state.cvc_last_day),
        ):
            if last is not None and last > latest:
                raise ValueError(f"state.{key}: a card is valid for five years at most, until {latest:%Y%m%d}")

    def _validity(self, state: StateForm) -> Validity | None:
        """From when to when the X.509 certificates are valid, if not as usual: the last day ends at its midnight."""
        today = midnight(self._clock.now())
        if state.certificates is CertificateState.EXPIRED:
            end = today - _EXPIRED_SINCE
        elif state.x509_last_day is not None:
            end = datetime.combine(state.x509_last_day, time(23, 59, 59), UTC)
        else:
            return None
        return Validity(today if today < end else end - _LIFE, end)


def _key(form: CardForm) -> str:
    """What the personaliser knows the holder by."""
    if form.patient is not None:
        return form.patient.kvnr
    holder = form.professional or form.institution
    return "" if holder is None else holder.key


def _seed_of(form: CardForm, insurers: tuple[Insurer, ...]) -> Seed:
    """A seed with the form's people only. Raises `InvalidInput` if the insurer is unknown."""
    known = (*insurers, form.insurer) if form.insurer is not None else insurers
    by_ik = {insurer.ik: insurer for insurer in known}
    if form.patient is not None and form.patient.insurer not in by_ik:
        raise InvalidInput(f"patient.insurer: this lab has no insurer {form.patient.insurer}; add a table insurer")
    can = form.state.can
    return Seed(
        tuple(by_ik.values()),
        tuple(replace(found, pins=_with_can(found.pins, can)) for found in (form.patient,) if found is not None),
        tuple(replace(found, pins=_with_can(found.pins, can)) for found in (form.professional,) if found is not None),
        tuple(replace(found, pins=_with_can(found.pins, can)) for found in (form.institution,) if found is not None),
    )


def _with_can(pins: Pins, can: str | None) -> Pins:
    return pins if can is None else replace(pins, can=can)
