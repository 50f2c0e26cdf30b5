"""ID.SAK.AUTD_CVC: the CV identity with which an instance builds its secure channel to an HBA (TIP1-A_4670, A_19258).

In a box its home is the gSMC-K (C.SAK.AUTD_CVC.E256, flag b55 "SAK"); an HSK has none, so the certificate, that of its
CA and the private key are rows of the instance, like ID.SAK.AUT. They are made elsewhere and given to the instance.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.konnektor.cvcimport import CvcChain
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.pki.cvc import BadCvc, decode_cvc_untrusted
from tiaas.pki.cvcchain import CvcChainError, check_profile
from tiaas.pki.profession import AccessProfile

_KIND, SAK_CVC_KEY = "identity", "sak-cvc"


@dataclass(frozen=True, slots=True)
class SakCvc:
    """The certificate with its CA's, and the private key on brainpoolP256r1."""

    chain: CvcChain
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @staticmethod
    def load(end_entity: bytes, ca: bytes, key: Secret) -> "SakCvc":
        """From two data objects 7F21 and PKCS#8. Raises `ValueError` for what is no identity of a SAK."""
        try:
            chain = CvcChain(decode_cvc_untrusted(end_entity), decode_cvc_untrusted(ca))
            check_profile(chain.end_entity, AccessProfile.CHAT_51)
        except (BadCvc, CvcChainError) as error:
            raise ValueError(str(error)) from None
        private = load_der_private_key(key.reveal(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("not an EC key")
        if private.public_key() != chain.end_entity.key():
            raise ValueError("the key is not the certificate's")
        return SakCvc(chain, private)


async def keep_sak_cvc(store: InstanceStore, given: SakCvc | None) -> SakCvc | None:
    """Keeps the one given, else gives the one kept, if any. Raises `StoreError`."""
    if given is not None:
        await store.put(_KIND, SAK_CVC_KEY, _row(given))
        return given
    row = await store.get(_KIND, SAK_CVC_KEY)
    return None if row is None else read_sak_cvc(row)


def _row(identity: SakCvc) -> dict[str, Any]:
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    parts = {"certificate": identity.chain.end_entity.encoded, "ca": identity.chain.ca.encoded, "key": key}
    return {name: b64encode(octets).decode() for name, octets in parts.items()}


def read_sak_cvc(row: Mapping[str, Any]) -> SakCvc:
    """What was kept. Raises `StoreError` for a damaged row."""
    try:
        certificate, ca, key = (b64decode(row[name], validate=True) for name in ("certificate", "ca", "key"))
        return SakCvc.load(certificate, ca, Secret(key))
    except (KeyError, ValueError):
        raise StoreError("the stored CV identity is damaged") from None
