"""Papers of a patient go through a lab: signed, verified, encrypted, decrypted, and all of it once more in vain."""

import uuid
from base64 import b64encode
from typing import Any

from tests.integration.proof.caller import CONN, Caller, Reply, envelope, until
from tests.integration.proof.hand import Hand
from tests.pdfmaker import classic, objects

_NAMESPACES = (
    f'xmlns:n="{CONN}" xmlns:s="http://ws.gematik.de/conn/SignatureService/v7.5" '
    'xmlns:a="http://ws.gematik.de/conn/SignatureService/v7.4" '
    'xmlns:c="http://ws.gematik.de/conn/EncryptionService/v6.1" xmlns:d="urn:oasis:names:tc:dss:1.0:core:schema"'
)
_ECDSA = "urn:bsi:tr:03111:ecdsa"


def use_papers(ready: dict[str, Any]) -> list[bytes]:
    """Every operation with keys and documents; gives the faults of those that were refused.

    The logs have to want operations with keys, and comfort signatures have to be on.
    """
    patient = ready["cards"]["egk"][0]
    words = {name: str(patient[name]) for name in ("holder", "kvnr", "iccsn")}
    context = {**ready["context"], "user_id": str(uuid.uuid4())}
    with Caller({**ready, "context": context}) as caller:
        work = _Work(caller, words)
        faults = [*work.sign(), *work.encrypt(), *work.authenticate()]
        _give_back(ready, caller)
    return faults


def _give_back(ready: dict[str, Any], caller: Caller) -> None:
    """The HBA is taken out and put in again: until then it is that of the user who typed the PIN."""
    hand, hba = Hand(ready), ready["cards"]["hba"][0]
    hand.eject(hba["in"]["slot"])
    until(lambda: "HBA" not in {card["CardType"] for card in caller.cards()})
    hand.insert(hba["in"]["slot"], hba["iccsn"])
    until(lambda: "HBA" in {card["CardType"] for card in caller.cards()})


class _Work:
    """The papers of one patient, whose name, KVNR and ICCSN (`words`) are in all of them."""

    def __init__(self, caller: Caller, words: dict[str, str]) -> None:
        self._caller = caller
        self._hba, self._smcb = caller.handle("HBA"), caller.handle("SMC-B")
        self._letter = f"Arztbrief für {', '.join(words.values())}".encode()
        self._title = words["holder"][:30]
        self._words = words
        assert caller.verify_pin(self._hba, "PIN.CH").text("PinResult") == "OK"

    def sign(self) -> list[bytes]:
        """A stack with the PIN typed, one by comfort, one of the practice; verified sound, changed and broken."""
        pdf = self._request("Brief.pdf", self._data(classic(objects()), "application/pdf-a"))
        letter = self._request("Brief", self._data(self._letter))
        done = [
            self._sign(self._hba, letter + pdf),
            self._short("ActivateComfortSignature", self._at(self._hba)),
            self._sign(self._hba, letter),
            self._short("DeactivateComfortSignature", f"<n:CardHandle>{self._hba}</n:CardHandle>"),
            self._sign(self._smcb, letter),
        ]
        assert [answer.status for answer in done] == [200] * 5, [answer.body for answer in done]
        stack, _, comfort, _, own = done
        assert [str(each.text) for each in stack.root.iter("{*}Result")] == ["OK", "OK"]
        for answer in (stack, comfort, own):
            signature = next(str(each.text) for each in answer.root.iter("{*}Base64Signature"))
            checks = [self._verify(signature, paper) for paper in self._papers()]
            verdicts = [check.text("HighLevelResult") for check in checks]
            assert verdicts == ["VALID", "INVALID"], [check.body for check in checks]
        broken = b64encode(f"<{self._words['holder']}".encode()).decode()
        refused = [
            self._sign(self._hba, self._request("Brief", f"<n:Base64XML>{broken}</n:Base64XML>")),
            self._sign(self._smcb, self._request("Brief", f"<n:Base64XML>{broken}</n:Base64XML>")),
            self._sign(self._words["iccsn"], letter),
            self._sign(self._hba, letter, number=self._words["kvnr"]),
            self._sign(self._hba, self._request("Brief", self._data(self._letter, "application/pdf-a"))),
            self._verify(b64encode(self._letter).decode(), self._letter),
        ]
        return [_fault(answer) for answer in refused]

    def encrypt(self) -> list[bytes]:
        """For both cards and back; for nobody's certificate, and what nobody encrypted."""
        for handle in (self._hba, self._smcb):
            sealed = self._encrypt(f"<c:CertificateOnCard><n:CardHandle>{handle}</n:CardHandle></c:CertificateOnCard>")
            assert sealed.status == 200, sealed.body
            opened = self._decrypt(handle, sealed.text("Base64Data"))
            assert opened.text("Base64Data") == b64encode(self._letter).decode(), opened.body
        stranger = f"<c:Certificate>{b64encode(self._letter).decode()}</c:Certificate>"
        plain = b64encode(self._letter).decode()
        return [_fault(self._encrypt(stranger)), _fault(self._decrypt(self._smcb, plain))]

    def authenticate(self) -> list[bytes]:
        """With both cards; then a hash value that is none."""
        for handle in (self._hba, self._smcb):
            answer = self._authenticate(handle, bytes(32))
            assert answer.status == 200, answer.body
        return [_fault(self._authenticate(self._smcb, self._letter))]

    # ---- messages

    def _papers(self) -> tuple[bytes, bytes]:
        return self._letter, self._letter + b"!"

    def _post(self, service: str, body: str) -> Reply:
        return self._caller.post(service, envelope(body))

    def _at(self, handle: str) -> str:
        return f"<n:CardHandle>{handle}</n:CardHandle>{self._caller.context()}"

    def _data(self, octets: bytes, mime_type: str = "text/plain") -> str:
        return f'<d:Base64Data MimeType="{mime_type}">{b64encode(octets).decode()}</d:Base64Data>'

    def _request(self, name: str, document: str) -> str:
        return (
            f'<s:SignRequest RequestID="{name}"><s:Document ShortText="{self._title}">{document}</s:Document>'
            "<s:IncludeRevocationInfo>true</s:IncludeRevocationInfo></s:SignRequest>"
        )

    def _short(self, operation: str, inside: str) -> Reply:
        return self._post("SignatureService", f"<s:{operation} {_NAMESPACES}>{inside}</s:{operation}>")

    def _sign(self, handle: str, requests: str, number: str | None = None) -> Reply:
        asked = self._short("GetJobNumber", self._caller.context())
        return self._post(
            "SignatureService",
            f"<s:SignDocument {_NAMESPACES}>{self._at(handle)}<s:TvMode>NONE</s:TvMode>"
            f"<s:JobNumber>{number or asked.text('JobNumber')}</s:JobNumber>{requests}</s:SignDocument>",
        )

    def _verify(self, signature: str, document: bytes) -> Reply:
        return self._post(
            "SignatureService",
            f"<s:VerifyDocument {_NAMESPACES}>{self._caller.context()}<s:TvMode>NONE</s:TvMode><s:OptionalInputs>"
            '<v:ReturnVerificationReport xmlns:v="urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#"/>'
            f'</s:OptionalInputs><s:Document ShortText="{self._title}">{self._data(document)}</s:Document>'
            f'<d:SignatureObject><d:Base64Signature Type="urn:ietf:rfc:5652">{signature}</d:Base64Signature>'
            "</d:SignatureObject><s:IncludeRevocationInfo>false</s:IncludeRevocationInfo></s:VerifyDocument>",
        )

    def _encrypt(self, recipient: str) -> Reply:
        return self._post(
            "EncryptionService",
            f"<c:EncryptDocument {_NAMESPACES}>{self._caller.context()}<c:RecipientKeys>{recipient}</c:RecipientKeys>"
            f"<n:Document>{self._data(self._letter)}</n:Document></c:EncryptDocument>",
        )

    def _decrypt(self, handle: str, cms: str | None) -> Reply:
        return self._post(
            "EncryptionService",
            f"<c:DecryptDocument {_NAMESPACES}>{self._caller.context()}<c:PrivateKeyOnCard>"
            f"<n:CardHandle>{handle}</n:CardHandle></c:PrivateKeyOnCard>"
            f"<n:Document><d:Base64Data>{cms}</d:Base64Data></n:Document></c:DecryptDocument>",
        )

    def _authenticate(self, handle: str, digest: bytes) -> Reply:
        return self._post(
            "AuthSignatureService",
            f"<a:ExternalAuthenticate {_NAMESPACES}>{self._at(handle)}<a:OptionalInputs><d:SignatureType>{_ECDSA}"
            "</d:SignatureType></a:OptionalInputs><a:BinaryString>"
            f"{self._data(digest, 'application/octet-stream')}</a:BinaryString></a:ExternalAuthenticate>",
        )


def _fault(reply: Reply) -> bytes:
    assert reply.status == 500, reply.body
    assert reply.code is not None
    return reply.body
