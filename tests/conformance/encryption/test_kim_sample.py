"""gematik's KIM sample (api-kim, SMIME-Profil.zip): its encrypted mail opens with both published keys."""

import base64
import io
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tiaas.cms.certificate import names_untrusted
from tiaas.cms.contentcipher import ContentCipher
from tiaas.cms.enveloped import KeyTransport
from tiaas.cms.envelopedreader import Enveloped, read_enveloped_untrusted

SAMPLE = Path(__file__).parents[3].parent / "shared" / "vectors" / "kim-smime" / "SMIME-Profil.zip"
pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="../shared/vectors is not there")


def member(name: str) -> bytes:
    with zipfile.ZipFile(SAMPLE) as archive:
        return archive.read(name)


def holder(who: str) -> tuple[bytes, rsa.RSAPrivateKey]:
    """Certificate (DER) and key of a recipient."""
    number = {"A": 2, "B": 3}[who]
    with zipfile.ZipFile(io.BytesIO(member(f"recipient{who}keys.zip"))) as archive:
        key = load_der_private_key(archive.read(f"hci-enc-{number}-kim-bsp.prv"), None)
        certificate = archive.read(f"hci-enc-{number}-kim-bsp.crt")
    assert isinstance(key, rsa.RSAPrivateKey)
    return certificate, key


def content(read: Enveloped, who: str) -> bytes:
    certificate, key = holder(who)
    wanted = names_untrusted(certificate).issuer_and_serial
    (found,) = (recipient for recipient in read.recipients if recipient.certificate == wanted)
    assert found.transport is KeyTransport.RSAES_OAEP
    return read.open(key.decrypt(found.encrypted_key, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)))


@pytest.mark.requirement("TIP1-A_4617-02")
@pytest.mark.pitfall(52)
@pytest.mark.parametrize("who", ["A", "B"])
def test_the_sample_opens(who: str) -> None:
    read = read_enveloped_untrusted(member("inputEmail.txt.04.encryptedcms"))
    assert read.cipher is ContentCipher.AES_256_GCM
    assert content(read, who) == member("inputEmail.txt.03.signedwrap")


def test_the_mail_around_it_holds_the_same() -> None:
    mail = member("inputEmail.txt.05.encryptedwrap")
    body = base64.b64decode(mail.replace(b"\r\n", b"\n").partition(b"\n\n")[2])
    assert content(read_enveloped_untrusted(body), "B") == member("inputEmail.txt.03.signedwrap")
