"""Makes cards for the people and institutions of a seed: G2.1 cards, TEST-ONLY.

At once: information files, insured data, CV certificates with their keys, the AUT certificate on an elliptic curve,
PINs, symmetric keys. The other keys and certificates come when a card first needs them (`provide`).
"""

from collections.abc import Mapping
from datetime import date

from cryptography import x509

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.objsys import basefiles
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, ConnectionKey, SymmetricKey
from tiaas.card.virtual.blank import blank_image
from tiaas.card.virtual.image import CardImage, PublicKey
from tiaas.lab.cvcpki import CvcAuthorityKind
from tiaas.lab.identifiers import lab_iccsn
from tiaas.lab.insured import insured_files
from tiaas.lab.keys import new_ec_key, write_key
from tiaas.lab.objects import FIRST_CERTIFICATES, CardObjects
from tiaas.lab.pins import set_pins
from tiaas.lab.pki import ORGANIZATION, LabPki
from tiaas.lab.seed import Institution, InstitutionKind, Patient, Pins, Professional, Seed
from tiaas.lab.vsdm.cardkeys import MASTER_SIZE, CardKeys
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import Validity
from tiaas.pki.names import PostalAddress, component_name, cut, institution_name, insured_name, professional_name
from tiaas.pki.oids import Role
from tiaas.pki.profession import ROLE_PROFILES, AccessProfile

# First digit of the issuer's own ten in an ICCSN; 5 is left for the Konnektor's own identity.
_ICCSN_KINDS = {CardKind.EGK: 1, CardKind.HBA: 2, CardKind.SMC_B: 3, CardKind.SMC_KT: 4, CardKind.HBA_QSIG: 6}
_TSP_ID = "99"
_TEST, _INVALID = " TEST-ONLY", " NOT-VALID"
_NAME_LIMIT = 64 - len(_TEST)

# Versions of the eGK specification's parts, as 5 octets BCD (3 + 3 + 4 digits); read by old software only.
_EF_VERSION = bytes.fromhex("0040000000")


@dataclass(frozen=True, slots=True)
class PersonalisedCard:
    """A new card. `holder` is the name for people, `pins` by name: PIN.CH, PUK.CH, PIN.QES, …, CAN."""

    image: CardImage
    holder: str
    kvnr: str | None
    pins: dict[str, Secret]

    def __repr__(self) -> str:
        return f"PersonalisedCard({self.image!r})"


@dataclass(frozen=True, slots=True)
class _Cvc:
    """A CV certificate of a card: name of its objects, key id in the CHR, rights."""

    name: str
    key_id: int
    profile: AccessProfile


def gsmckt_iccsn(serial: int, edition: int = 0) -> str:
    """The ICCSN of the gSMC-KT with that running number: the first one, or a successor."""
    return lab_iccsn(_ICCSN_KINDS[CardKind.SMC_KT], edition, serial)


def printed_holder(patient: Patient) -> str:
    """The name on a health card, as people read it."""
    return patient.name.printed(_NAME_LIMIT)


class Personaliser:
    """Makes cards and is the `ObjectSource` for what they need later.

    A card's number follows from the place of its holder in the seed and `edition` (0 the first card, 1 its successor
    …), so the same holder and edition give the same ICCSN; holders in `numbers` (patients by KVNR, others by key) have
    that number instead. X.509 certificates are valid from now on, or as `validity` says; the cards' CV certificates
    up to `cvc_last`, if that is given.
    With `transport` the PINs are in transport state.
    `card_keys` gives eGKs the keys their insurer's services know; without, nobody knows them.
    """

    def __init__(
        self,
        pki: LabPki,
        seed: Seed,
        entropy: Entropy,
        clock: Clock,
        *,
        ocsp_url: str = "",
        numbers: Mapping[str, int] | None = None,
        card_keys: CardKeys | None = None,
        validity: Validity | None = None,
        cvc_last: date | None = None,
    ) -> None:
        self._pki = pki
        self._seed = seed
        self._entropy = entropy
        self._clock = clock
        self._numbers = numbers or {}
        self._objects = CardObjects(pki, entropy, ocsp_url, validity)
        self._cvc_last = cvc_last
        self._card_keys = card_keys or CardKeys(entropy.octets(MASTER_SIZE))

    def provide(self, image: CardImage, path: str) -> bool:
        """`ObjectSource.provide`."""
        return self._objects.provide(image, path)

    def egk(self, patient: Patient, *, edition: int = 0, transport: bool = False) -> PersonalisedCard:
        """A health card."""
        number = self._numbers.get(patient.kvnr) or self._seed.patients.index(patient) + 1
        image = self._blank(CardKind.EGK, edition, number)
        self._add_cvcs(
            image, CvcAuthorityKind.EGK, "MF/EF.C.CA_eGK.CS.E256", _Cvc("eGK.AUT_CVC", 0x09, AccessProfile.CHAT_0)
        )
        image.keys |= self._card_keys.all_of(image.iccsn)
        image.records["MF/EF.Version"] = [_EF_VERSION] * 4
        image.files |= insured_files(patient, self._seed, self._clock.now())
        insurer = self._seed.insurer(patient.insurer)
        common_name = patient.name.printed(_NAME_LIMIT) + _TEST
        subject = insured_name(
            common_name, patient.name, patient.kvnr, insurer.ik, cut(insurer.name, 64 - len(_INVALID)) + _INVALID
        )
        self._add_first(image, subject, build_admission(Role.VERSICHERTER))
        return self._finish(image, printed_holder(patient), patient.kvnr, patient.pins, transport)

    def hba(self, professional: Professional, *, edition: int = 0, transport: bool = False) -> PersonalisedCard:
        """A health professional card."""
        number = self._numbers.get(professional.key) or self._seed.professionals.index(professional) + 1
        image = self._blank(CardKind.HBA, edition, number)
        role: Role = professional.kind.value
        self._add_cvcs(
            image,
            CvcAuthorityKind.HPC,
            "MF/EF.C.CA_HPC.CS.E256",
            _Cvc("HPC.AUTR_CVC", 0x06, ROLE_PROFILES[role]),
            _Cvc("HPC.AUTD_SUK_CVC", 0x09, AccessProfile.CHAT_53),
        )
        return self._professional(image, professional, transport)

    def hbaqsig(self, professional: Professional, *, edition: int = 0) -> PersonalisedCard:
        """An HBA-Vorläuferkarte: RSA keys, no CV certificates. Raises ValueError if the PKI is without RSA."""
        if self._pki.ecc_only:
            raise ValueError("it has RSA keys only, and this lab has none")
        number = self._numbers.get(professional.key) or self._seed.professionals.index(professional) + 1
        return self._professional(self._blank(CardKind.HBA_QSIG, edition, number), professional, transport=False)

    def _professional(self, image: CardImage, professional: Professional, transport: bool) -> PersonalisedCard:
        role: Role = professional.kind.value
        name = professional.name.printed(_NAME_LIMIT, with_title=False)
        subject = professional_name(name + _TEST, professional.name, f"{_TSP_ID}.{image.iccsn.hex()}")
        others = [kind.value for kind in professional.further]
        admission = build_admission(role, professional.telematik_id, professional.authority, *others)
        self._add_first(image, subject, admission)
        shown = professional.name.printed(_NAME_LIMIT)
        return self._finish(image, shown, None, professional.pins, transport)

    def smcb(self, institution: Institution, *, edition: int = 0, transport: bool = False) -> PersonalisedCard:
        """An institution card."""
        number = self._numbers.get(institution.key) or self._seed.institutions.index(institution) + 1
        image = self._blank(CardKind.SMC_B, edition, number)
        role: Role = institution.kind.value
        self._add_cvcs(
            image,
            CvcAuthorityKind.SMC,
            "MF/EF.C.CA_SMC.CS.E256",
            _Cvc("SMC.AUTR_CVC", 0x06, ROLE_PROFILES[role]),
            _Cvc("SMC.AUTD_RPE_CVC", 0x09, AccessProfile.CHAT_55),
        )
        admission = build_admission(role, institution.telematik_id, institution.authority)
        self._add_first(image, self._institution_subject(institution, image.iccsn.hex()), admission)
        return self._finish(image, institution.name, None, institution.pins, transport)

    def gsmckt(self, serial: int, *, edition: int = 0) -> PersonalisedCard:
        """The card in a card terminal; `serial` is the lab's running number of terminals. It has no PIN."""
        image = self._blank(CardKind.SMC_KT, edition, serial)
        ca = "MF/EF.C.CA_SMC.CS.E256"
        self._add_cvcs(image, CvcAuthorityKind.GSMC, ca, _Cvc("SMC.AUTD_RPS_CVC", 0x0A, AccessProfile.CHAT_54))
        iccsn = image.iccsn.hex()
        self._add_first(image, component_name(iccsn, ORGANIZATION), build_admission(Role.KT))
        return self._finish(image, f"gSMC-KT {iccsn}", None, Pins(), transport=False)

    def _blank(self, kind: CardKind, edition: int, number: int) -> CardImage:
        system = object_system(kind)
        iccsn = bytes.fromhex(lab_iccsn(_ICCSN_KINDS[kind], edition, number))
        image = blank_image(kind, iccsn, self._today())
        image.files["MF/EF.GDO"] = basefiles.encode_gdo(iccsn)
        image.files["MF/EF.ATR"] = basefiles.encode_atr_file(kind)
        image.records["MF/EF.DIR"] = basefiles.encode_directory(system)
        if kind is CardKind.HBA_QSIG:
            return image
        image.files["MF/EF.Version2"] = basefiles.encode_version2(kind)
        image.files["MF/EF.CardAccess"] = basefiles.encode_card_access()
        for item in system.objects.values():
            if isinstance(item, SymmetricKey):
                image.keys[item.path] = self._entropy.octets(2 * item.size)
        root = self._pki.cvc_root
        image.public_keys[root.chr] = PublicKey(root.chr, root.public_key, root.flag_oid, root.flags, None)
        return image

    def _add_cvcs(self, image: CardImage, kind: CvcAuthorityKind, ca_path: str, *certificates: _Cvc) -> None:
        image.files[ca_path] = self._pki.cvc.authorities[kind].certificate.encoded
        for cvc in certificates:
            key = new_ec_key(self._entropy)
            made = self._pki.cvc.card(
                kind,
                key.public_key(),
                cvc.key_id,
                image.iccsn,
                cvc.profile.flags,
                self._today(),
                self._cvc_last,
            )
            image.files[f"MF/EF.C.{cvc.name}.E256"] = made.encoded
            image.keys[f"MF/PrK.{cvc.name}.E256"] = write_key(key)

    def _add_first(self, image: CardImage, subject: x509.Name, admission: x509.Admissions) -> None:
        self._objects.put(image, FIRST_CERTIFICATES[image.kind], subject, admission)

    def _institution_subject(self, institution: Institution, iccsn: str) -> x509.Name:
        """Which attributes a sector uses: gemSpec_PKI 10.1 (KZBV), 10.2 (KBV), 10.3 (DKG), 10.5 (pharmacies)."""
        kind = institution.kind
        names_head = kind in (InstitutionKind.PRAXIS_ARZT, InstitutionKind.OEFFENTLICHE_APOTHEKE)
        alone = institution.people if names_head and len(institution.people) == 1 else ()
        head = next((self._seed.professional(key).name for key in alone), None)
        by_number = kind in (InstitutionKind.PRAXIS_ARZT, InstitutionKind.KRANKENHAUS)
        organization = institution.number if by_number else institution.telematik_id
        return institution_name(
            cut(institution.name, _NAME_LIMIT) + _TEST,
            organization + _INVALID,
            PostalAddress() if kind is InstitutionKind.ZAHNARZTPRAXIS else institution.address,
            head=head,
            serial_number="" if kind is InstitutionKind.PRAXIS_ARZT else f"{_TSP_ID}.{iccsn}",
        )

    def _finish(
        self, image: CardImage, holder: str, kvnr: str | None, wanted: Pins, transport: bool
    ) -> PersonalisedCard:
        pins = set_pins(image, wanted, self._entropy, transport=transport)
        for item in object_system(image.kind).objects.values():
            if isinstance(item, ConnectionKey):
                image.keys[item.path] = pins["CAN"].reveal()
        return PersonalisedCard(image, holder, kvnr, pins)

    def _today(self) -> date:
        return self._clock.now().date()
