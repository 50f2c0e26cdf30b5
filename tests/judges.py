"""Foreign programs judge what was signed: openssl, xmlsec1, pdfsig of poppler, pyHanko. Each knows the CAs only.

What they find wrong fails the test with what they wrote.
"""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

# Whose attribute Id is one, as no DTD says so.
_IDS = ("SignatureValue", "Object", "Signature", "Manifest")
_DS = "http://www.w3.org/2000/09/xmldsig#"


def needs(program: str) -> pytest.MarkDecorator:
    """For a test that asks this program."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs the program {program}")


def openssl_verifies(signature: bytes, folder: Path, ca_bundle: Path, *more: str, form: str = "DER") -> bytes:
    """The content of a CAdES or S/MIME signature; `more` may be `-content FILE` for one that has none."""
    (folder / "signature").write_bytes(signature)
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-CAfile", str(ca_bundle), "-purpose", "any"]
    _run(folder, *command, "-inform", form, "-in", "signature", "-out", "content", *more)
    return (folder / "content").read_bytes()


def xmlsec1_verifies(document: bytes, folder: Path, ca_bundle: Path) -> None:
    """An XAdES signature with an ECDSA key (xmlsec1 of Debian 12 knows no RSASSA-PSS in XML)."""
    (folder / "signed.xml").write_bytes(document)
    trusted = [item for path in _authorities(ca_bundle, folder) for item in ("--trusted-der", str(path))]
    known = [item for name in _IDS for item in ("--id-attr:Id", f"{_DS}:{name}")]
    known += ["--id-attr:Id", "SignedProperties", "--enabled-key-data", "x509"]
    said = _run(folder, "xmlsec1", "--verify", *known, *trusted, "signed.xml")
    assert "SignedInfo References (ok/all): 2/2" in said, said


def pdfsig_verifies(document: bytes, folder: Path) -> None:
    """A PAdES signature over the whole file; pdfsig is not asked who the signer is."""
    (folder / "signed.pdf").write_bytes(document)
    said = _run(folder, "pdfsig", "-nocert", "signed.pdf")
    for line in ("Signature is Valid.", "Total document signed", "ETSI.CAdES.detached"):
        assert line in said, said


async def pyhanko_verifies(document: bytes, ca_bundle: Path) -> None:
    """A PAdES signature over the whole file, its signer certified by one of the CAs."""
    roots = [x509.Certificate.load(der) for der in _ders(ca_bundle)]
    context = ValidationContext(trust_roots=roots, allow_fetching=False)
    (signature,) = PdfFileReader(io.BytesIO(document)).embedded_signatures
    status = await async_validate_pdf_signature(signature, signer_validation_context=context)
    assert status.bottom_line, status.pretty_print_details()  # type: ignore[no-untyped-call]
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE


def _authorities(ca_bundle: Path, folder: Path) -> Iterator[Path]:
    for number, der in enumerate(_ders(ca_bundle)):
        path = folder / f"ca{number}.der"
        path.write_bytes(der)
        yield path


def _ders(ca_bundle: Path) -> list[bytes]:
    return [der for _, _, der in pem.unarmor(ca_bundle.read_bytes(), multiple=True)]


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout + done.stderr
