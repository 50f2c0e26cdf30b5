"""What is wrong with an XML signature."""

from tiaas.base.errors import TiaasError


class BadXmlSignature(TiaasError):
    """A signature that is missing, built otherwise than allowed, or whose digests do not fit; says what, no content."""


class UnknownAlgorithm(BadXmlSignature):
    """A signature, digest, transform or canonicalisation method that is not worked off."""


class NotResolved(BadXmlSignature):
    """A reference that leads to nothing here: outside of the document, to no Id, or to one that occurs twice."""
