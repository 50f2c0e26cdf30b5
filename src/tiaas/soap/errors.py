"""What can be wrong with a SOAP message, and the fault codes of SOAP 1.1.

Source: SOAP 1.1 (W3C Note 08 May 2000) §4.4.1 fault codes.
"""

import enum

from tiaas.base.errors import TiaasError


@enum.unique
class FaultCode(enum.StrEnum):
    """SOAP 1.1 §4.4.1; local names in the envelope namespace."""

    VERSION_MISMATCH = "VersionMismatch"
    MUST_UNDERSTAND = "MustUnderstand"
    CLIENT = "Client"
    SERVER = "Server"


class SoapError(TiaasError):
    """A message that cannot be served. `str()` names the reason and never repeats a value of the message.

    `operation` is the class of the request that it should have been, "" where that is not known.
    """

    fault_code = FaultCode.CLIENT
    operation = ""


class BadEnvelope(SoapError):
    """The octets are not a SOAP 1.1 envelope we read: not well-formed, DTD, limits, structure."""


class NotWellFormed(BadEnvelope):
    """What no parser reads. `where` is line, column and kind of failure, without a value; `str()` leaves it out, for of
    what was encrypted not everybody may learn it."""

    def __init__(self, where: str) -> None:
        super().__init__("not well-formed XML")
        self.where = where


class WrongEncoding(BadEnvelope):
    """A message is not in UTF-8 (A_15606: everything else is answered with an error), or a document in none that
    documents may have (gemSpec_Kon 3.1.1, 4024)."""


class TooLarge(BadEnvelope):
    """More octets, elements, attributes or levels than the limits allow (documents: gemSpec_Kon A_19052, 4280)."""


class NotAllowed(BadEnvelope):
    """XML that is well-formed but not let in: a document type declaration, XInclude (documents: A_22673, 4281)."""


class WrongVersion(BadEnvelope):
    """The root is an Envelope of another SOAP version."""

    fault_code = FaultCode.VERSION_MISMATCH


class NotUnderstood(BadEnvelope):
    """A header addressed to us says mustUnderstand="1"; we understand none (SOAP 1.1 §4.2.3)."""

    fault_code = FaultCode.MUST_UNDERSTAND


class MtomRefused(SoapError):
    """The request came as `multipart/related` to a service without MTOM (A_15786)."""


class UnknownOperation(SoapError):
    """No operation is bound to the qualified name of the body's first child."""


class BadMessage(SoapError):
    """A message violates its schema.

    `path` names the element, from the message's root, in local names; `reason` is a short English phrase
    without any value taken from the message.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class UnfitMessage(TiaasError):
    """A message object of ours does not fit its own schema and is not sent: a defect of the caller."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
