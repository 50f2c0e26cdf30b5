"""CAdES against OpenSSL, both directions: formats × keys, chain and signing certificate included."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from tests.adesbench import NOW, Holder, Key, holder
from tiaas.ades.cades import CadesOptions, prepare, prepare_counter, prepare_parallel
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.cmssigner import cms_signer
from tiaas.ades.found import Integrity
from tiaas.ades.smime import prepare_smime, read_smime_untrusted
from tiaas.cms import signing
from tiaas.cms.algorithms import DIGEST_SHA256
from tiaas.cms.der import integer, octet_string, sequence
from tiaas.cms.signed import decode_signed_data_untrusted, decode_signer_info_untrusted
from tiaas.pki.keys import Digest, SigningScheme

DOCUMENT = "<Bundle>Änne Großmann</Bundle>\r\n".encode()
OPTIONS = CadesOptions(NOW, short_text="E-Rezept", mime_type="text/plain; charset=utf-8")
VERIFIED = "CAdES Verification successful"
KEYS = pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
FORMS = pytest.mark.parametrize("enveloping", [False, True], ids=["detached", "enveloping"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(holder(Key.P256).ca_pem())
    (tmp_path / "document").write_bytes(DOCUMENT)
    return tmp_path


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["openssl", "cms", "-binary", "-attime", str(int(NOW.timestamp())), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def verify(folder: Path, signature: bytes, *arguments: str, form: str = "DER") -> subprocess.CompletedProcess[str]:
    """Chain, signing-certificate attribute and mathematics; what is verified goes to the file `content`."""
    (folder / "signature").write_bytes(signature)
    chosen = ("-verify", "-CAfile", "ca.pem", "-purpose", "any", "-inform", form, "-in", "signature")
    return openssl(folder, *chosen, "-cades", "-out", "content", *arguments)


def detached(enveloping: bool) -> tuple[str, ...]:
    return () if enveloping else ("-content", "document")


# ---- OpenSSL verifies ours -------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4623-02", "TIP1-A_4627")
@KEYS
@FORMS
def test_openssl_verifies_ours(folder: Path, key: Key, enveloping: bool) -> None:
    signer = holder(key)
    attribute = signing.attribute("1.2.276.0.76.4.173", octet_string(b"recipients"))
    options = replace(OPTIONS, enveloping=enveloping, policy="1.2.3.4", signed_attributes=(attribute,))
    signature = signer.finish(prepare(DOCUMENT, signer.by, options))
    done = verify(folder, signature, *detached(enveloping))
    assert VERIFIED in done.stderr
    assert (folder / "content").read_bytes() == DOCUMENT


def test_openssl_refuses_ours_with_another_document(folder: Path) -> None:
    signer = holder(Key.BRAINPOOL)
    signature = signer.finish(prepare(DOCUMENT, signer.by, OPTIONS))
    (folder / "document").write_bytes(DOCUMENT + b"x")
    assert VERIFIED not in verify(folder, signature, *detached(enveloping=False)).stderr


@FORMS
def test_openssl_verifies_parallel_signatures(folder: Path, enveloping: bool) -> None:
    options = replace(OPTIONS, enveloping=enveloping)
    first = holder(Key.RSA)
    signature = first.finish(prepare(DOCUMENT, first.by, options))
    for key in (Key.BRAINPOOL, Key.P256):
        signature = holder(key).finish(prepare_parallel(signature, None, holder(key).by, options))
    assert VERIFIED in verify(folder, signature, *detached(enveloping)).stderr


@KEYS
def test_openssl_verifies_what_was_countersigned_and_the_counter_signature(folder: Path, key: Key) -> None:
    """OpenSSL ignores counter signatures: the value of ours is lifted into a signature over its signed attributes."""
    first, counter = holder(Key.BRAINPOOL, "first"), holder(key)
    signature = first.finish(prepare(DOCUMENT, first.by, replace(OPTIONS, enveloping=True)))
    both = counter.finish(prepare_counter(signature, counter.by, OPTIONS))
    assert VERIFIED in verify(folder, both).stderr
    found = read_cades_untrusted(both)
    assert [item.integrity for item in found] == [Integrity.INTACT] * 2
    (folder / "lifted").write_bytes(lift(both, counter))
    chosen = ("-verify", "-CAfile", "ca.pem", "-purpose", "any", "-inform", "DER", "-in", "lifted")
    done = openssl(folder, *chosen, "-out", "content")
    assert "CMS Verification successful" in done.stderr


def lift(both: bytes, counter: Holder) -> bytes:
    """A SignedData whose content are the signed attributes of the counter signature, itself without attributes."""
    info = decode_signer_info_untrusted(decode_signed_data_untrusted(both).signers[0].unsigned[0].values[0])
    signer = cms_signer(counter.by)
    bare = sequence(integer(1), signer.names.encode(), DIGEST_SHA256, signer.algorithm, octet_string(info.value))
    return signing.SignedDataParts((bare,), (counter.certificate,), next(info.signed_forms())).encode()


@KEYS
def test_openssl_verifies_our_smime(folder: Path, key: Key) -> None:
    message = b"From: a@example.org\nSubject: Befund\nContent-Type: text/plain\n\nText\n"
    signer = holder(key)
    signed = signer.finish(prepare_smime(message, signer.by, OPTIONS))
    done = verify(folder, signed, form="SMIME")
    assert VERIFIED in done.stderr
    assert (folder / "content").read_bytes() == message.replace(b"\n", b"\r\n")


# ---- we verify OpenSSL's ---------------------------------------------------------------------------------------------


def sign(folder: Path, signer: Holder, *arguments: str) -> bytes:
    (folder / "signer.pem").write_bytes(load_der_x509_certificate(signer.certificate).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(signer.key_pem())
    chosen = ("-sign", "-cades", "-md", "sha256", "-in", "document", "-signer", "signer.pem", "-inkey", "key.pem")
    done = openssl(folder, *chosen, "-out", "signature", *arguments)
    assert done.returncode == 0, done.stderr
    return (folder / "signature").read_bytes()


PSS = ("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32")


@FORMS
@pytest.mark.parametrize(
    ("key", "arguments", "scheme"),
    [
        (Key.RSA, PSS, SigningScheme.RSASSA_PSS),
        (Key.RSA, (), SigningScheme.RSASSA_PKCS1_V1_5),
        (Key.BRAINPOOL, (), SigningScheme.ECDSA),
        (Key.P256, (), SigningScheme.ECDSA),
        (Key.P256, ("-keyid",), SigningScheme.ECDSA),
        (Key.P256, ("-stream", "-indef"), SigningScheme.ECDSA),
    ],
    ids=["pss", "v1.5", "brainpool", "p256", "key identifier", "indefinite length"],
)
def test_we_verify_openssls(
    folder: Path, key: Key, arguments: tuple[str, ...], scheme: SigningScheme, enveloping: bool
) -> None:
    form = ("-nodetach",) if enveloping else ()
    signature = sign(folder, holder(key), "-outform", "DER", *arguments, *form)
    (found,) = read_cades_untrusted(signature, None if enveloping else DOCUMENT)
    assert found.integrity is Integrity.INTACT
    assert found.algorithm == (scheme, Digest.SHA256)
    assert found.certificate == holder(key).certificate
    assert found.time is not None
    (changed,) = read_cades_untrusted(signature, DOCUMENT + b"x")
    assert changed.integrity is Integrity.DIGEST_WRONG


@pytest.mark.parametrize("form", [("-nodetach",), ()], ids=["pkcs7-mime", "multipart"])
def test_we_verify_openssls_smime(folder: Path, form: tuple[str, ...]) -> None:
    signature = sign(folder, holder(Key.BRAINPOOL), "-outform", "SMIME", *form)
    (found,) = read_smime_untrusted(signature)
    assert found.integrity is Integrity.INTACT


def test_parallel_to_openssls(folder: Path) -> None:
    signature = sign(folder, holder(Key.RSA), "-outform", "DER", *PSS)
    second = holder(Key.BRAINPOOL)
    both = second.finish(prepare_parallel(signature, None, second.by, OPTIONS))
    assert [item.integrity for item in read_cades_untrusted(both, DOCUMENT)] == [Integrity.INTACT] * 2
    assert VERIFIED in verify(folder, both, *detached(enveloping=False)).stderr


def test_openssl_adds_to_ours(folder: Path) -> None:
    first = holder(Key.BRAINPOOL)
    (folder / "ours").write_bytes(first.finish(prepare(DOCUMENT, first.by, replace(OPTIONS, enveloping=True))))
    sign(folder, holder(Key.P256), "-outform", "DER")
    chosen = ("-resign", "-cades", "-inform", "DER", "-outform", "DER", "-in", "ours", "-signer", "signer.pem")
    done = openssl(folder, *chosen, "-inkey", "key.pem", "-out", "both")
    assert done.returncode == 0, done.stderr
    found = read_cades_untrusted((folder / "both").read_bytes())
    assert [item.integrity for item in found] == [Integrity.INTACT] * 2
