"""PAdES signatures/s in one thread: ours against the raw signature and against pyHanko; and documents read and checked.

    python -m bench.pades [--seconds S] [--rounds N]

The limit is what `cryptography` signs (or verifies) with the same key and nothing around it. CPU time counts, so a busy
machine disturbs less. Medians over rounds that alternate between the measured things. pyHanko reads without its
comparison of revisions and without any certificate path: coverage, hash value and signature value, as ours.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median
from time import process_time

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from asn1crypto import keys, x509  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: E402
from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: E402
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner  # noqa: E402
from pyhanko.sign.fields import SigSeedSubFilter  # noqa: E402
from pyhanko.sign.validation.generic_cms import validate_sig_integrity  # noqa: E402
from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: E402

from tests import adesbench, pdfmaker  # noqa: E402
from tiaas.ades.pades import PadesOptions, prepare  # noqa: E402
from tiaas.ades.padesread import read_pades_untrusted  # noqa: E402

_SIZES = {"2.3 KB": 1_500, "100 KB": 100_000, "25 MB": 25_000_000}
_SIGNER = adesbench.holder(adesbench.Key.BRAINPOOL)


def _rate(action: Callable[[], object], seconds: float) -> float:
    done = 0
    started = process_time()
    while (elapsed := process_time() - started) < seconds or not done:
        action()
        done += 1
    return done / elapsed


def _ours(document: bytes) -> bytes:
    return _SIGNER.finish(prepare(document, _SIGNER.by, PadesOptions(adesbench.NOW, "Arztbrief")))


def _pyhanko(document: bytes) -> Callable[[], object]:
    private = _SIGNER.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(_SIGNER.certificate),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    settings = PdfSignatureMetadata(field_name="S", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    loop = asyncio.new_event_loop()

    def sign() -> object:
        writer = IncrementalPdfFileWriter(BytesIO(document))
        return loop.run_until_complete(PdfSigner(settings, signer).async_sign_pdf(writer))

    return sign


def _pyhanko_reads(signed: bytes) -> None:
    (found,) = PdfFileReader(BytesIO(signed)).embedded_signatures
    found.compute_integrity_info(skip_diff=True)
    fits = validate_sig_integrity(found.signer_info, found.signer_cert, "data", found.compute_digest())
    assert fits == (True, True)


def _actions() -> dict[str, Callable[[], object]]:
    key = _SIGNER.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    algorithm = ec.ECDSA(Prehashed(SHA256()))
    # The hash value of nothing but zeros would be cheaper to verify.
    digest = sha256(b"document").digest()
    public, value = key.public_key(), key.sign(digest, algorithm)
    actions: dict[str, Callable[[], object]] = {
        "raw signature": lambda: key.sign(digest, algorithm),
        "raw verification": lambda: public.verify(value, digest, algorithm),
    }
    for size, padding in _SIZES.items():
        document = pdfmaker.classic(pdfmaker.objects(padding=padding))
        signed = _ours(document)
        actions[f"sign {size}"] = lambda document=document: _ours(document)  # type: ignore[misc]
        actions[f"sign {size}, pyHanko"] = _pyhanko(document)
        actions[f"read {size}"] = lambda signed=signed: read_pades_untrusted(signed)  # type: ignore[misc]
        actions[f"read {size}, pyHanko"] = lambda signed=signed: _pyhanko_reads(signed)  # type: ignore[misc]
    return actions


def main() -> None:
    """Prints one line per measured thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    actions = _actions()
    # As `tiaas up` does it: what was loaded before is not looked at again by every collection.
    gc.collect()
    gc.freeze()
    rates: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(options.rounds):
        for name, action in actions.items():
            rates[name].append(_rate(action, options.seconds))
    for name, seen in rates.items():
        limit = rates["raw verification" if name.startswith(("read", "raw v")) else "raw signature"]
        ratio = median(one / other for one, other in zip(seen, limit, strict=True))
        print(f"{name:24} {median(seen):10.1f}/s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
