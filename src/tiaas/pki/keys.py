"""Who signs and who deciphers: one interface for a card in a terminal, an HSM, a file and a PC/SC card.

Services ask for a `Signer` or `Decipherer` and never where the key is. Sources: gemSpec_Kon V5.18 TUC_KON_218
"Signiere", TUC_KON_219 "Entschlüssele"; gemSpec_Krypt Tab_KRYPT_002, 002a (algorithms).
"""

import enum
from typing import Protocol


@enum.unique
class SigningScheme(enum.StrEnum):
    """How a hash value is signed."""

    ECDSA = "ecdsa"
    """The signature is DER, ECDSA-Sig-Value (RFC 3279, 2.2.3), whatever the key's home gives."""
    RSASSA_PSS = "rsassa_pss"
    """MGF1 with the same hash, salt as long as the hash (RFC 8017, 8.1)."""
    RSASSA_PKCS1_V1_5 = "rsassa_pkcs1v15"


@enum.unique
class Digest(enum.StrEnum):
    """Hash functions of signatures."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Octets of a hash value."""
        return int(self.value.removeprefix("sha")) // 8


class Signer(Protocol):
    """A private key that signs, with its certificate."""

    @property
    def certificate(self) -> bytes:
        """The certificate of the key (X.509, DER)."""
        ...

    @property
    def scheme(self) -> SigningScheme:
        """How it signs documents: ECDSA with an ECC key, else RSASSA-PSS."""
        ...

    async def sign_digest(self, digest: bytes, scheme: SigningScheme, hash_function: Digest = Digest.SHA256) -> bytes:
        """Signs a hash value of `hash_function.size` octets.

        A signature that comes from outside the process was verified with the certificate's key before it is given
        (TAB_KON_750, 4120), but for that of an HSM's authentication key: its receiver verifies it. Raises what the
        key's home raises; the Konnektor's raise `KonnektorError`.
        """
        ...


class Decipherer(Protocol):
    """A private key that deciphers, with its certificate."""

    @property
    def certificate(self) -> bytes:
        """The certificate of the key (X.509, DER)."""
        ...

    async def decipher(self, cryptogram: bytes) -> bytes:
        """The content key in a cryptogram for this key.

        An RSA cryptogram is RSAES-OAEP with SHA-256 (RFC 8017, 7.1), one for an ECC key the DER structure A6 of
        gemSpec_COS ELC encipherment (`tiaas.card.elc`). Raises what the key's home raises.
        """
        ...
