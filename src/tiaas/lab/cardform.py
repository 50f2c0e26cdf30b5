"""What a card to be made shall be: a form, filled in by a file (TOML, JSON, YAML) or by questions.

    kind = "eGK"
    [patient]                 keys of a patient of the seed (`lab/seed.py`), named as in the VSD
    [insurer]                 needed if patient.insurer is none of the lab's insurers
    [state]
    generation = "G2.1"
    certificates = "expired"
    [[state.pins]]
    name = "PIN.CH"
    state = "transport"

The same keys in JSON and YAML. Every key is known or an error.
"""

import re
from datetime import date
from enum import Enum, unique

from tiaas.base.dataclass import dataclass
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, KeyProfile, MultiReferencePassword, Password, TransparentFile, name_of
from tiaas.card.virtual.defects import DefectKind
from tiaas.lab.seed import Institution, Insurer, Patient, Professional

_YEARS = range(2010, 2100)
"""Of a certificate's end: what a CV certificate can say (two digits), and five years before are no other century."""


def _day(key: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if re.fullmatch("[0-9]{8}", text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise ValueError(f"{key}: a date is written YYYYMMDD, from {_YEARS.start} to {_YEARS.stop - 1}")
    return day


@unique
class Generation(Enum):
    """Generation of a card, told by the object system's version in EF.Version2 (gemSpec_Kon TIP1-A_4988-02)."""

    G1 = "G1"
    G2_0 = "G2.0"
    G2_1 = "G2.1"
    G3 = "G3"


@unique
class CertificateState(Enum):
    """What the X.509 certificates of a card are."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@unique
class PinCondition(Enum):
    """State of a PIN on the day the card is handed out (gemSpec_COS V3.12.0, 8.4 and 14.6.4)."""

    REGULAR = "regular"
    TRANSPORT = "transport"
    EMPTY = "empty"
    BLOCKED = "blocked"
    PUK_BLOCKED = "puk-blocked"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinForm:
    """One PIN by its name on the card; `value` and `puk` are its digits, `tries` what is left of three."""

    name: str
    state: PinCondition = PinCondition.REGULAR
    value: str | None = None
    puk: str | None = None
    tries: int | None = None

    def __post_init__(self) -> None:
        for what, digits in (("value", self.value), ("puk", self.puk)):
            if digits is not None and not (digits.isascii() and digits.isdigit() and 4 <= len(digits) <= 12):
                raise ValueError(f"{what}: a PIN or PUK has 4 to 12 digits")
        if self.tries is not None and not 0 <= self.tries <= 3:
            raise ValueError("tries: 0 to 3 are left")
        if self.state is PinCondition.EMPTY and self.value is not None:
            raise ValueError("value: an empty PIN has none")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectForm:
    """What is broken; `file` (EF.GDO, DF.HCA/EF.PD) for broken-file and read-error, `commands` for dies."""

    kind: DefectKind
    file: str | None = None
    commands: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateForm:
    """How the card is. `locked` deactivates the health application, `open_transaction` marks the data inconsistent.

    `certificates_until` (X.509) and `cv_certificates_until` are the last day, YYYYMMDD, on which they are valid.
    """

    generation: Generation = Generation.G2_1
    keys: KeyProfile = KeyProfile.RSA_AND_ECC
    certificates: CertificateState = CertificateState.VALID
    certificates_until: str | None = None
    cv_certificates_until: str | None = None
    locked: bool = False
    open_transaction: bool = False
    defect: DefectForm | None = None
    pins: tuple[PinForm, ...] = ()
    can: str | None = None

    def __post_init__(self) -> None:
        if self.generation is Generation.G2_0 and self.keys is KeyProfile.ECC_ONLY:
            raise ValueError("keys: cards of generation G2.0 have no ECC identities, so they cannot have only these")
        if self.can is not None and not (self.can.isascii() and self.can.isdigit() and len(self.can) == 6):
            raise ValueError("can: a CAN has six digits")
        if self.x509_last_day is not None and self.certificates is CertificateState.EXPIRED:
            raise ValueError("certificates_until: says more exactly what certificates = expired says; give one of them")
        _ = self.cvc_last_day

    @property
    def x509_last_day(self) -> date | None:
        """The last day of the X.509 certificates, if the form names one."""
        return _day("certificates_until", self.certificates_until)

    @property
    def cvc_last_day(self) -> date | None:
        """The last day of the card's own CV certificates, if the form names one."""
        return _day("cv_certificates_until", self.cv_certificates_until)

    @property
    def profile(self) -> KeyProfile:
        """The keys the card has: before G2.1 there are no ECC identities."""
        return KeyProfile.RSA_ONLY if self.generation is Generation.G2_0 else self.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class CardForm:
    """One card. Exactly the holder that belongs to its kind is given; a gSMC-KT has none."""

    kind: CardKind
    patient: Patient | None = None
    insurer: Insurer | None = None
    professional: Professional | None = None
    institution: Institution | None = None
    state: StateForm = StateForm()

    def __post_init__(self) -> None:
        given = {
            CardKind.EGK: self.patient,
            CardKind.HBA: self.professional,
            CardKind.SMC_B: self.institution,
        }
        wanted = {CardKind.EGK: "patient", CardKind.HBA: "professional", CardKind.SMC_B: "institution"}
        own = CardKind.HBA if self.kind is CardKind.HBA_QSIG else self.kind
        for kind, holder in given.items():
            if (holder is None) is (kind is own):
                verb = "needs" if holder is None else "has no"
                raise ValueError(f"a card of kind {self.kind.value} {verb} table {wanted[kind]}")
        if self.insurer is not None and (self.patient is None or self.patient.insurer != self.insurer.ik):
            raise ValueError("insurer: its ik must be the patient's insurer")
        if self.institution is not None and self.institution.people:
            raise ValueError("institution.people: names professionals of a seed, which a single card does not have")
        self._check_state()

    @property
    def profile(self) -> KeyProfile:
        """The keys the card has: an HBA-Vorläuferkarte has RSA keys only."""
        return KeyProfile.RSA_ONLY if self.kind is CardKind.HBA_QSIG else self.state.profile

    def _check_state(self) -> None:
        objects = object_system(self.kind, self.state.profile).objects
        if self.kind is not CardKind.EGK and (self.state.locked or self.state.open_transaction):
            raise ValueError("state: only an eGK has a health application to be locked or left inconsistent")
        if self.kind is CardKind.HBA_QSIG and (
            self.state.generation is not Generation.G2_1 or self.state.keys is not KeyProfile.RSA_AND_ECC
        ):
            raise ValueError("state: an HBA-qSig has no generation and no choice of keys")
        if self.kind is CardKind.HBA_QSIG and self.state.cv_certificates_until is not None:
            raise ValueError("state.cv_certificates_until: an HBA-qSig has no CV certificates")
        names = [name_of(path) for path, item in objects.items() if isinstance(item, Password | MultiReferencePassword)]
        for pin in self.state.pins:
            if pin.name not in names:
                raise ValueError(f"state.pins: this card has no {pin.name}; it has {', '.join(names) or 'no PIN'}")
            if pin.name.startswith("MRPIN") and pin.state not in (PinCondition.REGULAR, PinCondition.DISABLED):
                raise ValueError(f"state.pins: {pin.name} shares all but its switch with PIN.CH: regular or disabled")
        defect = self.state.defect
        if defect is not None and defect.file is not None:
            found = objects.get(f"MF/{defect.file}")
            if not isinstance(found, TransparentFile):
                files = (
                    path.removeprefix("MF/") for path, item in objects.items() if isinstance(item, TransparentFile)
                )
                raise ValueError(f"state.defect.file: no such file; there are {', '.join(files)}")
