"""Fuzz target: PKCS#12 files that an administrator imports; what opening them would cost is read.

A content that asks for few rounds is opened with the password "p".
"""

import hashlib

from asn1crypto import algos, cms, core, pkcs12
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from tiaas.base.secret import Secret
from tiaas.konnektor.pkcs12file import BadPkcs12, count_rounds_untrusted

PASSWORD = Secret(b"p")
ROUNDS_MAX = 5_000
"""More takes a target too long: such files are counted, but not opened."""


def file_with(encryption: dict[str, object], mac_rounds: int, octets: bytes = bytes(16)) -> bytes:
    """A file of one encrypted content, with a MAC."""
    info = {"content_type": "data", "content_encryption_algorithm": encryption, "encrypted_content": octets}
    content = cms.ContentInfo(
        {"content_type": "encrypted_data", "content": {"version": "v0", "encrypted_content_info": info}}
    )
    safe = cms.ContentInfo({"content_type": "data", "content": pkcs12.AuthenticatedSafe([content]).dump()})
    mac = {
        "mac": {"digest_algorithm": {"algorithm": "sha256"}, "digest": bytes(32)},
        "mac_salt": bytes(8),
        "iterations": mac_rounds,
    }
    file: bytes = pkcs12.Pfx({"version": "v3", "auth_safe": safe, "mac_data": mac}).dump()
    return file


def pbmac1(rounds: int) -> bytes:
    """A file with a MAC of RFC 9579."""
    salt = algos.Pbkdf2Salt("specified", bytes(8))
    prf = {"algorithm": "sha256"}
    derivation = algos.KdfAlgorithm(
        {
            "algorithm": "pbkdf2",
            "parameters": algos.Pbkdf2Params({"salt": salt, "iteration_count": rounds, "key_length": 32, "prf": prf}),
        }
    )
    scheme = algos.HmacAlgorithm(prf)
    octets = derivation.dump() + scheme.dump()
    parameters = core.Any.load(b"\x30" + bytes([len(octets)]) + octets)
    file = pkcs12.Pfx.load(file_with(pbkdf2(1), 1))
    file["mac_data"]["mac"]["digest_algorithm"] = {"algorithm": "1.2.840.113549.1.5.14", "parameters": parameters}
    made: bytes = file.dump(force=True)
    return made


def file_inside(rounds: int) -> bytes:
    """A file that opens with `PASSWORD` after 5 rounds, and holds a key that asks for more."""
    algorithm = algos.EncryptionAlgorithm(pbkdf2(rounds))
    key = pkcs12.SafeBag(
        {
            "bag_id": "pkcs8_shrouded_key_bag",
            "bag_value": {"encryption_algorithm": algorithm, "encrypted_data": bytes(16)},
        }
    )
    plain = pkcs12.SafeContents([key]).dump()
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.reveal(), bytes(8), 5, 32)
    padding = PKCS7(128).padder()
    worker = Cipher(AES(derived), CBC(bytes(16))).encryptor()
    return file_with(pbkdf2(5), 1, worker.update(padding.update(plain) + padding.finalize()) + worker.finalize())


def pbes1(rounds: int) -> dict[str, object]:
    """3DES by the key derivation of PKCS#12."""
    return {"algorithm": "pkcs12_sha1_tripledes_3key", "parameters": {"salt": bytes(8), "iterations": rounds}}


def pbkdf2(rounds: int) -> dict[str, object]:
    """PBES2 with PBKDF2."""
    salt = algos.Pbkdf2Salt("specified", bytes(8))
    return _pbes2(
        "pbkdf2", algos.Pbkdf2Params({"salt": salt, "iteration_count": rounds, "prf": {"algorithm": "sha256"}})
    )


def scrypt(cost: int) -> dict[str, object]:
    """PBES2 with scrypt, r = 8 and p = 1."""
    numbers = [core.OctetString(bytes(8)), core.Integer(cost), core.Integer(8), core.Integer(1)]
    content = b"".join(number.dump() for number in numbers)
    return _pbes2("1.3.6.1.4.1.11591.4.11", core.Any.load(b"\x30" + bytes([len(content)]) + content))


def _pbes2(name: str, parameters: object) -> dict[str, object]:
    derivation = {"algorithm": name, "parameters": parameters}
    scheme = {"algorithm": "aes256_cbc", "parameters": bytes(16)}
    both = algos.Pbes2Params({"key_derivation_func": derivation, "encryption_scheme": scheme})
    return {"algorithm": "pbes2", "parameters": both}


SEEDS: list[bytes] = [
    file_with(pbes1(2000), 1000),
    file_with(pbkdf2(3000), 1000),
    file_with(scrypt(16), 1),
    file_inside(7),
    pbmac1(2000),
]


def target(data: bytes) -> None:
    """Only `BadPkcs12` may escape; what is counted is a number of rounds."""
    try:
        rounds = count_rounds_untrusted(data, PASSWORD, ROUNDS_MAX)
    except BadPkcs12:
        return
    assert 0 <= rounds <= ROUNDS_MAX
