"""CAdES signatures and verifications per second of CPU, beside the key alone and beside what one would take instead.

    python bench/cades.py [--key brainpoolP256r1|rsa|p256] [--size OCTETS] [--seconds S] [--rounds N]

One thread, one key in memory, an enveloping signature each time. A second is one of CPU, of this process and those it
starts, so that other load on the machine counts little. Rounds alternate between the measured things; medians.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from asn1crypto import keys, x509  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402
from cryptography.x509 import load_der_x509_certificate  # noqa: E402
from pyhanko.sign.signers import SimpleSigner  # noqa: E402
from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: E402

from tests.adesbench import NOW, Holder, Key, holder  # noqa: E402
from tiaas.ades.cades import CadesOptions, prepare  # noqa: E402
from tiaas.ades.cadesread import read_cades_untrusted  # noqa: E402
from tiaas.ades.cmsalgorithm import KnownAlgorithm, public_key  # noqa: E402
from tiaas.ades.found import Integrity  # noqa: E402
from tiaas.cms.certificate import names_untrusted  # noqa: E402
from tiaas.cms.signed import decode_signed_data_untrusted  # noqa: E402
from tiaas.pki.keys import Digest, SigningScheme  # noqa: E402

OURS, RAW, WITHOUT, OPENSSL, PYHANKO = "ours", "key alone", "ours without key", "openssl cms -sign", "pyHanko"
READ, RAW_READ, OPENSSL_READ = "ours: read", "public key alone", "openssl cms -verify"


def _rate(action: Callable[[], object], seconds: float) -> float:
    done = 0
    started = _used()
    while (used := _used() - started) < seconds:
        action()
        done += 1
    return done / used


def _used() -> float:
    """Seconds of CPU."""
    times = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return sum(item.ru_utime + item.ru_stime for item in times)


def _signing(signer: Holder, document: bytes, folder: Path) -> dict[str, Callable[[], object]]:
    options = CadesOptions(NOW, enveloping=True, short_text="E-Rezept", mime_type="text/plain; charset=utf-8")
    value = signer.sign(bytes(32))
    command = ["openssl", "cms", "-sign", "-cades", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER"]
    command += ["-in", "document", "-signer", "signer.pem", "-inkey", "key.pem", "-out", "signature"]
    if signer.scheme is SigningScheme.RSASSA_PSS:
        command += ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32"]
    foreign = _pyhanko(signer)
    loop = asyncio.new_event_loop()
    return {
        RAW: lambda: signer.sign(bytes(32)),
        OURS: lambda: signer.finish(prepare(document, signer.by, options)),
        WITHOUT: lambda: prepare(document, signer.by, options).finish([value]),
        OPENSSL: lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True),
        PYHANKO: lambda: loop.run_until_complete(foreign.async_sign_general_data(document, "sha256", detached=False)),
    }


def _pyhanko(signer: Holder) -> SimpleSigner:
    key = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return SimpleSigner(
        signing_cert=x509.Certificate.load(signer.certificate),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        prefer_pss=True,
    )


def _reading(signer: Holder, document: bytes, folder: Path) -> dict[str, Callable[[], object]]:
    options = CadesOptions(NOW, enveloping=True)
    signature = signer.finish(prepare(document, signer.by, options))
    assert read_cades_untrusted(signature)[0].integrity is Integrity.INTACT
    info = decode_signed_data_untrusted(signature).signers[0]
    known = KnownAlgorithm(signer.scheme, Digest.SHA256, 32 if signer.scheme is SigningScheme.RSASSA_PSS else None)
    key = public_key(names_untrusted(signer.certificate).public_key)
    signed = next(info.signed_forms())
    (folder / "ours").write_bytes(signature)
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "ours", "-out", "content"]
    command += ["-CAfile", "ca.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp()))]
    return {
        RAW_READ: lambda: known.fits(key, info.value, signed),
        READ: lambda: read_cades_untrusted(signature),
        OPENSSL_READ: lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True),
    }


def _files(signer: Holder, document: bytes, folder: Path) -> None:
    certificate = load_der_x509_certificate(signer.certificate)
    (folder / "signer.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(signer.key_pem())
    (folder / "ca.pem").write_bytes(signer.ca_pem())
    (folder / "document").write_bytes(document)


def main() -> None:
    """Measures and prints two tables: what is measured, per second, beside the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", default=Key.BRAINPOOL.value, choices=[key.value for key in Key])
    parser.add_argument("--size", type=int, default=1500)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    signer, document = holder(Key(arguments.key)), bytes(arguments.size)
    with TemporaryDirectory() as name:
        _files(signer, document, Path(name))
        for actions in (_signing(signer, document, Path(name)), _reading(signer, document, Path(name))):
            rates: dict[str, list[float]] = {what: [] for what in actions}
            for _ in range(arguments.rounds):
                for what, action in actions.items():
                    rates[what].append(_rate(action, arguments.seconds))
            limit = median(next(iter(rates.values())))
            print(f"{arguments.key}, {arguments.size} octets")
            for what, measured in rates.items():
                print(f"  {what:22} {median(measured):10,.1f} /s   ratio {median(measured) / limit:6.3f}")


if __name__ == "__main__":
    main()
