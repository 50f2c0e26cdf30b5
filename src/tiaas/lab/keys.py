"""Private keys of the lab: made, written, read. All of them are TEST-ONLY."""

from queue import SimpleQueue
from threading import Thread

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tiaas.base.entropy import Entropy
from tiaas.pki.issue import PrivateKey

# Order of the base point of brainpoolP256r1 (RFC 5639, 3.4).
_ORDER = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
_RSA_BITS = 2048


def new_ec_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """A key on brainpoolP256r1, made of 40 octets of `entropy` (so its bias is below 2^-64)."""
    secret = int.from_bytes(entropy.octets(40), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.BrainpoolP256R1())


def new_rsa_key() -> rsa.RSAPrivateKey:
    """An RSA key of 2048 bits (about 75 ms). OpenSSL searches the primes with its own generator."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


class RsaAhead:
    """RSA keys made by a thread while the process does something else: OpenSSL does not hold the interpreter's lock."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._made: SimpleQueue[rsa.RSAPrivateKey] = SimpleQueue()
        # A daemon: a process that ends early does not wait for keys that nobody wants.
        Thread(target=self._make, args=(number,), name="rsa", daemon=True).start()

    def take(self) -> rsa.RSAPrivateKey:
        """The next of them, as soon as it is there; one made now when none is left. For one thread at a time."""
        if self._left == 0:
            return new_rsa_key()
        self._left -= 1
        return self._made.get()

    def _make(self, number: int) -> None:
        for _ in range(number):
            self._made.put(new_rsa_key())


def write_key(key: PrivateKey) -> bytes:
    """PKCS#8 DER without encryption: whoever stores it protects it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def read_key(der: bytes) -> PrivateKey:
    """Reads what `write_key` wrote; raises ValueError for another kind of key.

    Whether the primes of an RSA key are prime is not tried again (60 ms each): `write_key` had the key from OpenSSL.
    """
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither an EC nor an RSA key")
    return key
