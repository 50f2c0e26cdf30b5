"""XAdES: what we sign and read per second on one core, against the bare signature, signxml and python-xmlsec.

    ./tiaas python -m bench.xades [--seconds S] [--rounds N] [--size OCTETS]

All in one run and in turns, so that the ratios hold on a busy machine; figures are medians. signxml makes XAdES with
RSA only and XMLDSig on brainpool, python-xmlsec XMLDSig with ECDSA only; XMLDSig is less work than XAdES. `build` is
ours with a signature that costs nothing.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier
from signxml.xades.xades import XAdESSigner, XAdESVerifier

from tests.adesbench import Key, holder
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesvariants import Update
from tiaas.xmlsec.names import DS

OPTIONS = XadesOptions(moment=datetime(2026, 6, 1, 12, tzinfo=UTC), name="0011223344556677", short_text="Rezept")
ITEM = '<item nr="{0}" art="a"><name>Präparat {0}</name><menge einheit="St">{0}</menge></item>'


def document(size: int) -> bytes:
    """A document of about `size` octets."""
    items, number = "", 0
    while len(items) < size - 120:
        items += ITEM.format(number)
        number += 1
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<doc xmlns="urn:doc" xmlns:x="urn:x">{items}</doc>'.encode()


def jobs(key: Key, content: bytes) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    signer = holder(key)
    digest = sha256(b"x").digest()
    value = signer.sign(digest)
    certificate = x509.load_der_x509_certificate(signer.certificate).public_bytes(Encoding.PEM)
    signed = signer.finish(prepare(content, signer.by, OPTIONS))
    parallel = XadesOptions(moment=OPTIONS.moment, name="2", update=Update.PARALLEL)
    counter = XadesOptions(moment=OPTIONS.moment, name="3", update=Update.COUNTER)
    enclosing = XadesOptions(moment=OPTIONS.moment, name="4", include_object=True)
    found: dict[str, Callable[[], object]] = {
        "signature alone": lambda: signer.sign(digest),
        "ours: build": lambda: prepare(content, signer.by, OPTIONS).finish([value]),
        "ours: sign": lambda: signer.finish(prepare(content, signer.by, OPTIONS)),
        "ours: sign enveloping": lambda: signer.finish(prepare(content, signer.by, enclosing)),
        "ours: sign parallel": lambda: signer.finish(prepare(signed, signer.by, parallel)),
        "ours: countersign": lambda: signer.finish(prepare(signed, signer.by, counter)),
        "ours: read": lambda: read_xades_untrusted(signed),
    }
    method = SignatureMethod.SHA256_RSA_MGF1 if key is Key.RSA else SignatureMethod.ECDSA_SHA256
    kind = XAdESSigner if key is Key.RSA else XMLSigner
    theirs = kind(signature_algorithm=method, c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_1)

    def sign_theirs() -> bytes:
        return etree.tostring(theirs.sign(etree.fromstring(content), key=signer.key, cert=certificate.decode()))

    found["signxml: sign"] = sign_theirs
    if key is Key.RSA:
        expected = SignatureConfiguration(signature_methods=frozenset({method}))
        found["signxml: verify ours"] = lambda: XAdESVerifier().verify(
            signed, x509_cert=certificate.decode(), expect_references=2, expect_config=expected
        )
    else:
        octets = sign_theirs()
        found["signxml: verify XMLDSig"] = lambda: XMLVerifier().verify(octets, x509_cert=certificate.decode())
        python_key = xmlsec.Key.from_memory(signer.key_pem(), xmlsec.constants.KeyDataFormatPem)
        found["python-xmlsec: sign XMLDSig"] = lambda: _xmlsec_sign(content, python_key)
        found["python-xmlsec: verify ours"] = lambda: _xmlsec_verify(signed, python_key)
    return found


def _xmlsec_sign(content: bytes, key: xmlsec.Key) -> bytes:
    root = etree.fromstring(content)
    template = xmlsec.template.create(
        root, xmlsec.constants.TransformInclC14N11, xmlsec.constants.TransformEcdsaSha256, ns="ds"
    )
    root.append(template)
    reference = xmlsec.template.add_reference(template, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformInclC14N11)
    context = xmlsec.SignatureContext()
    context.key = key
    context.sign(template)
    return etree.tostring(root)


def _xmlsec_verify(signed: bytes, key: xmlsec.Key) -> None:
    root = etree.fromstring(signed)
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = key
    (signature,) = root.findall(f"{{{DS}}}Signature")
    context.verify(signature)


def rate(job: Callable[[], object], seconds: float) -> float:
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        job()
        count += 1
    return count / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1500)
    arguments = parser.parse_args()
    content = document(arguments.size)
    for key in (Key.BRAINPOOL, Key.RSA):
        found = jobs(key, content)
        rates: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(arguments.rounds):
            for name, job in found.items():
                rates[name].append(rate(job, arguments.seconds))
        bare = statistics.median(rates["signature alone"])
        print(f"{key.value}, {len(content)} octets")
        for name, values in rates.items():
            print(f"  {name:30} {statistics.median(values):8.0f}/s   x{statistics.median(values) / bare:.2f}")


if __name__ == "__main__":
    main()
