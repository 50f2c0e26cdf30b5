"""OASIS DSS-X signature policy profile 1.0 (oasis-dssx-1.0-profiles-sigpolicy-schema-cd01.xsd), for signing."""

from typing import Annotated

from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import ANY_URI, WHOLE_ELEMENT

SP = Namespace("urn:oasis:names:tc:dss-x:1.0:profiles:SignaturePolicy:schema#", "sp")


@message(SP, root="GenerateUnderSignaturePolicy", type_name="SignaturePolicyDetailsType")
class GenerateUnderSignaturePolicy:
    """The policy a signature is to follow; location and hash value are not used."""

    identifier: Annotated[str, Element(SP, "SignaturePolicyIdentifier", ANY_URI)]
    location: Annotated[str | None, Element(SP, "SignaturePolicyLocation", ANY_URI)] = None
    digest: Annotated[str | None, Element(SP, "DigestAndAlgorithm", WHOLE_ELEMENT)] = None
