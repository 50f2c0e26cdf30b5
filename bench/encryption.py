"""Hybrid encryption: documents per second, with the bare cryptography of the same octets as the limit.

    python -m bench.encryption [--seconds 2] [--openssl]

`encrypt` and `decrypt` are what the Konnektor does with a document once certificates are checked and the card has given
the content key; `limit` is AES-256-GCM of the same octets and, to encrypt, one content key for one recipient (ECDH on
brainpoolP256r1 with a fresh key, or RSAES-OAEP), and nothing else. All times are CPU times; `ratio` is the limit's
divided by ours. With `--openssl` the process `openssl cms -encrypt` does the same for an RSA certificate.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.base.entropy import SystemEntropy
from tiaas.card.elc import elc_decrypt
from tiaas.konnektor.hybrid.opening import ClosedDocument, read_cms_untrusted, read_xml_untrusted
from tiaas.konnektor.hybrid.sealing import Recipient, seal_cms, seal_xml

_ENTROPY = SystemEntropy()
_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
_SIZES = (1_500, 1_000_000, 25_000_000)
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _certificate(key: _Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Praxis NOT-VALID")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(day).not_valid_after(day.replace(year=2030))
    return builder.sign(key, SHA256())


def _spent() -> float:
    """CPU time of this process and of those it waited for."""
    return sum(os.times()[:4])


def _seconds(job: Callable[[], object], seconds: float) -> float:
    """CPU time of one run: the median of five slices, each of one run at least."""
    found = []
    for _ in range(5):
        count, start, begun = 0, perf_counter(), _spent()
        while not count or perf_counter() - start < seconds / 5:
            job()
            count += 1
        found.append((_spent() - begun) / count)
    return median(found)


def _bare(document: bytes, key: _Key) -> None:
    content_key = _ENTROPY.octets(32)
    AESGCM(content_key).encrypt(_ENTROPY.octets(12), document, None)
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().encrypt(content_key, _OAEP)
    else:
        ec.generate_private_key(ec.BrainpoolP256R1()).exchange(ec.ECDH(), key.public_key())


def _cms(text: bytes, recipient: Recipient) -> bytes:
    return seal_cms(text, [recipient], (), _ENTROPY)


def _xml(document: bytes, recipient: Recipient) -> bytes:
    return seal_xml(parse_xml_untrusted(document), [recipient], _ENTROPY)


def _open(read: Callable[[bytes], ClosedDocument], sealed: bytes, content_key: bytes) -> bytes:
    closed = read(sealed)
    return closed.finish({0: closed.parts[0].open(content_key)})


def _row(name: str, size: int, ours: float, limit: float) -> None:
    print(
        f"{name:28} {size / 1000:9.1f} KB {ours * 1000:9.2f} ms  limit {limit * 1000:9.2f} ms  ratio {limit / ours:.2f}"
    )


def _measure(name: str, key: _Key, seconds: float) -> None:
    recipient = Recipient(_certificate(key).public_bytes(Encoding.DER), key.public_key())

    def content_key(closed: ClosedDocument) -> bytes:
        cryptogram = closed.parts[0].keys[0].cryptogram
        return key.decrypt(cryptogram, _OAEP) if isinstance(key, rsa.RSAPrivateKey) else elc_decrypt(cryptogram, key)

    for size in _SIZES:
        text = b"x" * size
        xml = b"<a>" + text + b"</a>"
        bare = _seconds(partial(_bare, text, key), seconds)
        _row(f"{name} CMS encrypt", size, _seconds(partial(_cms, text, recipient), seconds), bare)
        _row(f"{name} XML encrypt", size, _seconds(partial(_xml, xml, recipient), seconds), bare)
        if isinstance(key, rsa.RSAPrivateKey):
            continue
        aes = AESGCM(bytes(32))
        bare = _seconds(partial(aes.decrypt, bytes(12), aes.encrypt(bytes(12), text, None), None), seconds)
        for kind, sealed, read in (
            ("CMS", _cms(text, recipient), read_cms_untrusted),
            ("XML", _xml(xml, recipient), read_xml_untrusted),
        ):
            used = content_key(read(sealed))
            _row(f"{kind} decrypt, key at hand", size, _seconds(partial(_open, read, sealed, used), seconds), bare)


def _openssl(key: rsa.RSAPrivateKey, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "c.pem").write_bytes(_certificate(key).public_bytes(Encoding.PEM))
        options = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")
        command = ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-gcm", "-recip", "c.pem"]
        command += [word for option in options for word in ("-keyopt", option)]
        for size in _SIZES:
            text = b"x" * size
            run = partial(subprocess.run, command, input=text, capture_output=True, check=True, cwd=folder)
            spent = _seconds(run, seconds)
            print(f"{'RSA openssl cms -encrypt':28} {size / 1000:9.1f} KB {spent * 1000:9.2f} ms  (a process each)")


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--openssl", action="store_true")
    options = parser.parse_args()
    rsa_key = rsa.generate_private_key(65537, 2048)
    _measure("ECC", ec.generate_private_key(ec.BrainpoolP256R1()), options.seconds)
    _measure("RSA", rsa_key, options.seconds)
    if options.openssl:
        _openssl(rsa_key, options.seconds)


if __name__ == "__main__":
    main()
