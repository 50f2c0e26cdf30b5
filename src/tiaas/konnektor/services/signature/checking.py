"""Documents checked before they are signed (TUC_KON_080 as TUC_KON_152 and 165 call it; gemSpec_Kon V5.18 TAB_KON_778).

A QES vouches for what was looked at, so a signature that one is added to does not hide its document: the document in a
CMS is checked as if it had come alone, and XML has no more room than without signatures. A nonQES may be of any octets
(nonQES_DocFormate), so there nothing of a CMS is looked at.
"""

from dataclasses import replace

from tiaas.ades import cades
from tiaas.ades.found import SignatureFormat
from tiaas.ades.pdfvalues import Budget
from tiaas.ades.signing import CannotSign
from tiaas.ades.xadesvariants import Update
from tiaas.konnektor.documents import UNREAD, Checked, check_document, check_sizes
from tiaas.konnektor.services.signature.formats import fault_of
from tiaas.konnektor.services.signature.variants import CMS_FORMATS
from tiaas.konnektor.services.signature.wishes import Wish


def checked(wish: Wish, *, qes: bool, budget: type[Budget] = Budget) -> Checked:
    """What was found out about the document. Raises what `check_document` raises, 4283 and 4110."""
    data, has_signatures = wish.data, wish.update is not None
    if has_signatures and qes:
        document = _vouched_for(wish)
        if document is None:
            return UNREAD
        data, has_signatures = document, False
    elif has_signatures and wish.format in CMS_FORMATS:
        return UNREAD  # A CMS signature, whatever MIME type it is called by; its format reads it.
    found = check_document(
        data, wish.document_format, wish.schemas, wish.mime_type, has_signatures=has_signatures, budget=budget
    )
    # A policy says what its documents are: that no schema came with the call is nothing to warn of.
    return found if wish.policy is None else replace(found, warnings=())


def _vouched_for(wish: Wish) -> bytes | None:
    """What a QES added to signatures is of; None if it is a counter signature and the document is not there.

    Raises 4110 if that is not to be seen, 4283 if it is too large to be signed alone.
    """
    try:
        document = wish.data if wish.format is SignatureFormat.XADES else _enveloped(wish)
    except CannotSign as error:
        raise fault_of(error, wish) from None
    if document is not None:
        check_sizes((document,))
    return document


def _enveloped(wish: Wish) -> bytes | None:
    if wish.update is Update.COUNTER:
        return cades.countersigned_document(wish.data)
    return cades.enveloped_document(wish.data)
