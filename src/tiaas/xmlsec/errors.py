"""What is wrong with an XML signature."""

from tiaas.base.errors import TiaasError


class BadXmlSignature(TiaasError):
    """A signature that is missing, built otherwise than allowed, or whose digests do not fit; says what, no content."""
