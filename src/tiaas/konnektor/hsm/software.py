"""Keys in files of a folder, for a lab: TEST-ONLY keys only belong there.

`LABEL.key` is a private key (PKCS#8, DER, not encrypted), `LABEL.cer` a certificate (DER), `LABEL.bin` other octets.
A loaded key is kept, because loading one on a brainpool curve costs as much as a signature. Signatures are made in
threads: OpenSSL lets others run meanwhile.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tiaas.base.heavy import beside
from tiaas.base.shortwork import in_turn
from tiaas.card.elc import BadCryptogram, decode_point
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.pkcs11 import TokenError, WrongCryptogram
from tiaas.pki.prehashed import PrivateKey, SchemeMismatch, make_signature

_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class SoftwareKeys:
    """`KeyStore` in a folder."""

    is_outside = False
    is_stuck = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, PrivateKey] = {}

    async def open(self) -> None:
        """See `KeyStore`."""
        if not await beside(0, self._folder.is_dir):
            raise TokenError("the folder with keys is not there")

    async def close(self) -> None:
        """See `KeyStore`."""
        self._keys.clear()

    async def certificate(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await beside(0, self._read, f"{label}.cer")

    async def data(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await beside(0, self._read, f"{label}.bin")

    async def sign(self, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> bytes:
        """See `KeyStore`."""
        key = self._keys.get(label) or await self._load(label)
        try:
            return await in_turn(make_signature, key, digest, scheme, hash_function)
        except SchemeMismatch:
            raise TokenError("the key does not sign this way") from None

    async def agree(self, label: str, point: bytes) -> bytes:
        """See `KeyStore`."""
        key = self._keys.get(label) or await self._load(label)
        try:
            other = decode_point(point)
        except BadCryptogram:
            raise WrongCryptogram("no point of the curve") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TokenError("the key is none of ECC")
        return await in_turn(key.exchange, ec.ECDH(), other)

    async def decipher(self, label: str, cryptogram: bytes) -> bytes:
        """See `KeyStore`."""
        key = self._keys.get(label) or await self._load(label)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TokenError("the key is none of RSA")
        try:
            return await in_turn(key.decrypt, cryptogram, _OAEP)
        except ValueError:
            raise WrongCryptogram("no cryptogram for this key") from None

    async def _load(self, label: str) -> PrivateKey:
        key = self._keys[label] = await beside(0, self._read_key, label)
        return key

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            raise TokenError("a file with a key or certificate cannot be read") from None

    def _read_key(self, label: str) -> PrivateKey:
        der = self._read(f"{label}.key")
        if der is None:
            raise TokenError("there is no such key")
        try:
            key = load_der_private_key(der, None)
        except ValueError:
            raise TokenError("a private key cannot be read") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TokenError("a private key is neither of ECC nor RSA")
        return key
