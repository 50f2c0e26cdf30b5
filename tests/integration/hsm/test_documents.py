"""Documents with the keys of a virtual SMC-B: signed and decrypted as with an SMC-B, judged by OpenSSL."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.client import Crypt, Konnektor, connect
from tiaas.client.kon import load_kon
from tiaas.client.signatures import DocumentToSign
from tiaas.interfaces.card_service_common_v2_0 import CardType

T = TypeVar("T")
CMS = "urn:ietf:rfc:5652"


def with_konnektor(lab: LabProcess, work: Callable[[Konnektor, str], Awaitable[T]]) -> T:
    """Does something with the handle of the virtual SMC-B."""

    async def go() -> T:
        async with connect(load_kon(Path(lab.ready["instances"][0]["kon_file"]), {})) as konnektor:
            (card,) = await konnektor.get_cards(CardType.HSM_B)
            return await work(konnektor, card.card_handle)

    return asyncio.run(go())


@pytest.mark.parametrize("crypt", list(Crypt))
@pytest.mark.requirement("TIP1-A_4653-02", "A_17768")
def test_openssl_verifies_what_it_signed(hsm_lab: LabProcess, tmp_path: Path, crypt: Crypt) -> None:
    documents = [
        DocumentToSign(b"text %d" % number, mime_type="text/plain", signature_type=CMS, enveloping=True)
        for number in range(3)
    ]
    results = with_konnektor(hsm_lab, lambda konnektor, card: konnektor.sign_documents(card, documents, crypt=crypt))
    for number, result in enumerate(results):
        (tmp_path / "signed").write_bytes(result.content)
        command = ["openssl", "cms", "-verify", "-cades", "-CAfile", hsm_lab.ready["lab"]["ca_bundle"]]
        command += ["-purpose", "any", "-inform", "DER", "-in", "signed", "-out", "text"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "text").read_bytes() == b"text %d" % number


@pytest.mark.parametrize("crypt", list(Crypt))
@pytest.mark.requirement("TIP1-A_4622-05")
def test_what_is_encrypted_for_it_comes_back(hsm_lab: LabProcess, crypt: Crypt) -> None:
    async def there_and_back(konnektor: Konnektor, card: str) -> bytes:
        hidden = await konnektor.encrypt_document(b"for this practice only", card_handle=card, crypt=crypt)
        assert b"practice" not in hidden.content
        return (await konnektor.decrypt_document(card, hidden.content)).content

    assert with_konnektor(hsm_lab, there_and_back) == b"for this practice only"
