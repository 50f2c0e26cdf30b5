"""Keys and certificates of cards, made when they are first needed.

Whoever a card belongs to is written in the one certificate it gets at once (AUT on an elliptic curve); everything
made later copies subject and Admission from there, so nothing but the card and the PKI is needed.
"""

from hashlib import sha256

from cryptography import x509

from tiaas.base.entropy import Entropy
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.hba import AID_QES, PIN_QES, QES_SIGNATURES
from tiaas.card.objsys.model import CardKind, TransparentFile, name_of, parent_of
from tiaas.card.ssec import encode_ssec
from tiaas.card.virtual.image import CardImage
from tiaas.lab.keys import new_ec_key, new_rsa_key, read_key, write_key
from tiaas.lab.pki import LabPki
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.issue import EndEntity, PrivateKey, Validity
from tiaas.pki.names import pseudonym_name
from tiaas.pki.oids import CertificateType
from tiaas.pki.subject import ORGANIZATION, holder_of, values

# Objects EF.C.<name>.<generation> and PrK.<name>.<generation> (gemSpec_PKI 2.10); RSA without the latter.
_TYPES = {
    "CH.AUT": CertificateType.CH_AUT,
    "CH.ENC": CertificateType.CH_ENC,
    "CH.AUTN": CertificateType.CH_AUTN,
    "CH.ENCV": CertificateType.CH_ENCV,
    "HP.AUT": CertificateType.HP_AUT,
    "HP.ENC": CertificateType.HP_ENC,
    "HP.QES": CertificateType.HP_QES,
    "HCI.AUT": CertificateType.HCI_AUT,
    "HCI.ENC": CertificateType.HCI_ENC,
    "HCI.OSIG": CertificateType.HCI_OSIG,
    "SMKT.AUT": CertificateType.SMKT_AUT,
    "SMKT.AUT2": CertificateType.SMKT_AUT,
}
_PSEUDONYMOUS = (CertificateType.CH_AUTN, CertificateType.CH_ENCV)
_ECC, _RSA = "E256", "R2048"

# The certificate that says whose card it is.
FIRST_CERTIFICATES = {
    CardKind.EGK: "MF/DF.ESIGN/EF.C.CH.AUT.E256",
    CardKind.HBA: "MF/DF.ESIGN/EF.C.HP.AUT.E256",
    CardKind.HBA_QSIG: "MF/DF.ESIGN/EF.C.HP.AUT",
    CardKind.SMC_B: "MF/DF.ESIGN/EF.C.HCI.AUT.E256",
    CardKind.SMC_KT: "MF/DF.KT/EF.C.SMKT.AUT2.E256",
}

# A key without a certificate: the medication plan's.
_BARE_KEYS = ("MF/DF.HCA/DF.AMTS/PrK.AMTS.ENC.E256",)

_SSEC = "MF/DF.QES/EF.SSEC"


class CardObjects:
    """An `ObjectSource` for the cards of one lab. `ocsp_url` goes into the certificates if it is not empty."""

    def __init__(self, pki: LabPki, entropy: Entropy, ocsp_url: str = "", validity: Validity | None = None) -> None:
        self._pki = pki
        self._entropy = entropy
        self._ocsp_url = ocsp_url
        self._validity = validity

    def provide(self, image: CardImage, path: str) -> bool:
        """`ObjectSource.provide`: makes the key and the certificate that belong to `path`."""
        if path not in object_system(image.kind).objects:
            return False
        if image.kind is CardKind.HBA and path == _SSEC:
            image.files[path] = encode_ssec(AID_QES, PIN_QES, {1: QES_SIGNATURES, 2: QES_SIGNATURES})
            return True
        if path in _BARE_KEYS:
            image.keys.setdefault(path, write_key(new_ec_key(self._entropy)))
            return True
        kind, generation = _described(path)
        if kind is None or (generation == _RSA and self._pki.ecc_only):
            return False
        first = x509.load_der_x509_certificate(image.files[FIRST_CERTIFICATES[image.kind]])
        admission = first.extensions.get_extension_for_class(x509.Admissions).value
        subject = self._pseudonym(image) if kind in _PSEUDONYMOUS else first.subject
        self.put(image, path, subject, admission)
        return True

    def put(self, image: CardImage, path: str, subject: x509.Name, admission: x509.Admissions) -> None:
        """Puts the certificate of that path (of its file or of its key) into the image, and its key if it has none.

        Raises ValueError if the certificate does not fit into its file.
        """
        kind, generation = _described(path)
        if kind is None:
            raise ValueError("no certificate belongs to this path")
        stem = name_of(path).removeprefix("EF.C.").removeprefix("PrK.")
        key_path, file_path = (f"{parent_of(path)}/{prefix}{stem}" for prefix in ("PrK.", "EF.C."))
        stored = image.keys.get(key_path)
        key = self._new_key(generation) if stored is None else read_key(stored)
        holder = EndEntity(subject, key.public_key(), admission, self._ocsp_url)
        certificate = self._pki.issue(kind, holder, image.iccsn.hex(), self._validity)
        file = object_system(image.kind).objects[file_path]
        if not isinstance(file, TransparentFile) or len(certificate) > file.size:
            raise ValueError(f"a certificate of {len(certificate)} octets does not fit into {name_of(file_path)}")
        image.keys[key_path] = write_key(key)
        image.files[file_path] = certificate

    def _new_key(self, generation: str) -> PrivateKey:
        return new_rsa_key() if generation == _RSA else new_ec_key(self._entropy)

    def _pseudonym(self, image: CardImage) -> x509.Name:
        """SHA-256 over surname, KVNR and the issuers' secret, hexadecimal (GS-A_4574)."""
        first = decode_certificate_untrusted(image.files[FIRST_CERTIFICATES[image.kind]])
        holder = holder_of(first)
        parts = (holder.surname or "", holder.kvnr or "", self._pki.pseudonym_salt)
        pseudonym = sha256("".join(parts).encode("utf-8")).hexdigest()
        return pseudonym_name(pseudonym, holder.insurer_ik or "", values(first, ORGANIZATION)[0])


def _described(path: str) -> tuple[CertificateType | None, str]:
    """Certificate type and generation in the name of a file or key; None if no certificate belongs to it."""
    name = name_of(path).removeprefix("EF.C.").removeprefix("PrK.")
    if name in _TYPES:
        return _TYPES[name], _RSA
    stem, _, generation = name.rpartition(".")
    return (_TYPES.get(stem) if generation in (_ECC, _RSA) else None), generation
