"""Holders below the trust bench's CAs, and what they sign."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256

from tests.adesbench import Holder, Key, new_key
from tests.pdfmaker import classic, objects
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.ades import cades, pades, xades
from tiaas.ades.cades import CadesOptions
from tiaas.ades.found import SignatureFormat
from tiaas.ades.pades import PadesOptions
from tiaas.ades.smime import prepare_smime
from tiaas.ades.xades import XadesOptions
from tiaas.ades.xadesvariants import Update
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verification.reading import Material
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.issue import EndEntity, Validity, issue_end_entity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType
from tiaas.pki.profiles import PROFILES

URL = "http://ocsp.lab/"
SIGNED = NOW - timedelta(hours=1)
SMCB, QCA = World("SMCB-CA TEST-ONLY"), World("HBA-qCA TEST-ONLY")
XML = "<r:Rezept xmlns:r='urn:rezept'><r:Arznei>Müller's</r:Arznei></r:Rezept>".encode()
PDF = classic(objects())
QES, OSIG = CertificateType.HP_QES, CertificateType.HCI_OSIG


@dataclass(frozen=True)
class Signer:
    """A holder and the CA whose responder knows the certificate."""

    holder: Holder
    world: World

    @property
    def certificate(self) -> Certificate:
        return decode_certificate_untrusted(self.holder.certificate)

    def cades(
        self, document: bytes = XML, *, time: datetime = SIGNED, enveloping: bool = True, ocsp: bytes | None = None
    ) -> bytes:
        options = CadesOptions(time=time, enveloping=enveloping, short_text="Rezept für Erika <1>", ocsp=ocsp)
        return self.holder.finish(cades.prepare(document, self.holder.by, options))

    def smime(self) -> bytes:
        message = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + XML + b"\r\n"
        return self.holder.finish(prepare_smime(message, self.holder.by, CadesOptions(time=SIGNED)))

    def parallel(self, signature: bytes, time: datetime = SIGNED) -> bytes:
        """A CMS with one signature more."""
        return self.holder.finish(cades.prepare_parallel(signature, None, self.holder.by, CadesOptions(time=time)))

    def counter(self, signature: bytes, time: datetime = SIGNED) -> bytes:
        """A CMS with all signatures countersigned."""
        return self.holder.finish(cades.prepare_counter(signature, self.holder.by, CadesOptions(time=time)))

    def xades(
        self, document: bytes = XML, *, time: datetime = SIGNED, enveloping: bool = False, update: Update | None = None
    ) -> bytes:
        name = f"{self.holder.certificate[-4:].hex()}-{time:%H%M%S}"
        options = XadesOptions(
            moment=time, name=name, include_object=enveloping, update=update, short_text="Rezept für Erika <1>"
        )
        return self.holder.finish(xades.prepare(document, self.holder.by, options))

    def pades(self, document: bytes = PDF, *, time: datetime = SIGNED) -> bytes:
        return self.holder.finish(pades.prepare(document, self.holder.by, PadesOptions(time, "Rezept für Erika")))

    def bare(self, message: bytes = XML, *, pss: bool = True) -> bytes:
        """A signature value alone."""
        key = self.holder.key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(message, ec.ECDSA(SHA256()))
        return key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32) if pss else padding.PKCS1v15(), SHA256())

    def materials(self) -> dict[str, Material]:
        """One signature of every kind that a certificate of this type may make."""
        is_rsa = not isinstance(self.holder.key, ec.EllipticCurvePrivateKey)
        form = SignatureFormat.PKCS1 if is_rsa else SignatureFormat.ECDSA
        given = (self.holder.certificate,)
        made = {
            "CMS enveloping": Material(SignatureFormat.CADES, None, self.cades()),
            "CMS detached": Material(SignatureFormat.CADES, XML, self.cades(enveloping=False)),
            "PDF": Material(SignatureFormat.PADES, self.pades()),
        }
        if not self.certificate.is_qualified:
            made["S/MIME"] = Material(SignatureFormat.SMIME, self.smime())
            made["XML enveloped"] = Material(SignatureFormat.XADES, self.xades())
            made["XML enveloping"] = Material(SignatureFormat.XADES, None, self.xades(enveloping=True))
            made["bare"] = Material(form, XML, self.bare(), given)
        return made


@cache
def signer(
    kind: CertificateType = OSIG,
    key: Key = Key.BRAINPOOL,
    name: str = "Praxis",
    span: Validity = SPAN,
    world: str | None = None,
) -> Signer:
    """A signer of that kind; the same one each time. `world` is the name of a CA that no list has."""
    below = World(world) if world is not None else QCA if kind is QES else SMCB
    private = new_key(key)
    subject = component_name(f"{name} {key.value} TEST-ONLY", "NOT-VALID")
    entity = EndEntity(subject, private.public_key(), ocsp_url=URL)
    entropy = SeededEntropy(f"{kind} {key} {name}".encode())
    certificate = issue_end_entity(PROFILES[kind], entity, below.authority, span, entropy)
    return Signer(Holder(certificate, private, below.authority), below)


def trusts(bench: Bench, by: Signer) -> None:
    """The bench's lists name both CAs, its responder answers for `by`."""
    bench.lists.space = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
    bench.lists.qualified, bench.lists.qualified_signers = (Issuer(QCA.ca),), (QCA.signer,)
    bench.forwarder.world, bench.forwarder.subject = by.world, by.holder.certificate
    bench.forwarder.requests.clear()
