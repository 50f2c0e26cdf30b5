"""Where the document goes whose signatures were given their revocation information (gemSpec_Kon V5.18 TAB_KON_066).

A signature in its document: DocumentWithSignature; one beside or around it: UpdatedSignature.
"""

from tiaas.ades.signing import CannotSign
from tiaas.interfaces.dss_core_v1_0 import Base64Signature, SignatureObject, UpdatedSignature
from tiaas.interfaces.signature_service_v7_5 import VerifyDocument, VerifyOutputs
from tiaas.konnektor.services.signature.answers import document_with
from tiaas.konnektor.verification.embedding import embedded
from tiaas.konnektor.verification.reading import Material, Place
from tiaas.konnektor.verification.verifying import Verification
from tiaas.soap.simple import WrittenOctets
from tiaas.xmlsec.names import ds


def updated(request: VerifyDocument, material: Material, verified: Verification) -> VerifyOutputs | None:
    """The outputs with what is to be embedded in it; without anything to embed the octets are the caller's.

    None if there is no place for it.
    """
    try:
        octets = embedded(material, verified)
    except CannotSign:
        return None
    if verified.reading.place is Place.INSIDE and request.document is not None:
        return VerifyOutputs(document_with_signature=document_with(request.document, octets))
    given = request.signature_object
    if given is not None and given.signature is not None:
        signature = SignatureObject(signature=WrittenOctets(octets, ds("Signature")))
    else:
        signature = SignatureObject(base64_signature=Base64Signature(value=octets, type=material.format.value))
    return VerifyOutputs(updated_signature=UpdatedSignature(signature_object=signature))
