"""TUC_KON_160 "Dokumente nonQES signieren", TUC_KON_150 "Dokumente QES signieren": from wishes to answers (gemSpec_Kon
V5.18 TIP1-A_4653-02, 4655-02; TUC_KON_152, 155, 165, 166).

A stack that ended early without an error (TAB_KON_192) is answered with what was signed; with nothing signed there is
no answer that the schema allows, so it is 4049 then.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import repeat
from operator import attrgetter

from tiaas.ades.found import SignatureFormat
from tiaas.ades.pdfvalues import Budget, SmallBudget, TakesLong
from tiaas.ades.signing import SignedBy
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.base.heavy import beside
from tiaas.interfaces.signature_service_v7_5 import SignResponse
from tiaas.konnektor.cardmap import QES, SIG
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.keys import effective_crypt, signer_of
from tiaas.konnektor.keyuse import CertifiedKey, certified_key
from tiaas.konnektor.qesjob import QesJob
from tiaas.konnektor.quickwork import is_quick
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.signature.answers import Made, sign_response
from tiaas.konnektor.services.signature.checking import checked
from tiaas.konnektor.services.signature.formats import Circumstances, Ready, finish, prepare
from tiaas.konnektor.services.signature.warned import status_of
from tiaas.konnektor.services.signature.wishes import Wish, tell_which
from tiaas.konnektor.sessions import CardSession
from tiaas.konnektor.signaturejobs import SignatureJob
from tiaas.konnektor.verdict import Result as Verified
from tiaas.pki.keys import Signer

Values = tuple[tuple[bytes, ...], ...]
Sign = Callable[[Sequence[Ready]], Awaitable[Values]]
_STOPPED = 4049
_FEW = 10
"""Documents of a call, each of which takes up to a thousandth of a second, however small it is."""
_DATA, _SCHEMAS, _UPDATE, _INCLUDES_STATUS = map(
    attrgetter, ("data", "schemas", "update", "request.include_revocation_info")
)


@dataclass(frozen=True, slots=True)
class Call:
    """One SignDocument that was let in. `ocsp_afterwards`: revocation information as in 7.5.6, else as before."""

    context: ServiceContext
    card: Card
    session: CardSession
    job: SignatureJob
    crypt: str
    workplace_id: str
    mandant_id: str
    qes: bool
    ocsp_afterwards: bool


async def make(call: Call, wishes: Sequence[Wish]) -> tuple[SignResponse, ...]:
    """The answers, in the order of the wishes."""
    by, sign = await (_with_hba(call) if call.qes else _with_smb(call))
    ocsp = await _certificate_status(call, by.certificate)
    here = Circumstances(
        by=by,
        moment=call.context.clock.now(),
        qes=call.qes,
        ocsp=ocsp if call.qes and not call.ocsp_afterwards else None,
    )
    size = _size(wishes)
    preparing = wishes, call.context.entropy, here
    try:
        stack = _prepared(*preparing, SmallBudget) if size is None else await beside(size, _prepared, *preparing)
    except TakesLong:
        size = _octets(wishes)
        stack = await beside(size, _prepared, *preparing)
    values = await sign(stack)
    if not values:
        raise KonnektorError(_STOPPED)
    later = await _certificate_status(call, by.certificate) if _is_asked_later(call, wishes) else None
    finishing = stack[: len(values)], values, later
    finished = _finished(*finishing) if size is None else await beside(size, _finished, *finishing)
    outside, answers = call.context.qes.settings.pdf_outside, []
    for ready, made in zip(stack, finished, strict=False):
        answers.append(sign_response(ready.wish, made, status_of(call.context, ready.warnings), pdf_outside=outside))
    return tuple(answers)


def _size(wishes: Sequence[Wish]) -> int | None:
    """Octets to work on, None if the work costs less than a thread, of a PDF with a `SmallBudget`; with schemas nobody
    knows: few lines make a large content model. What is added to signatures may verify all that are there."""
    are_quick = len(wishes) <= _FEW and is_quick(*map(_DATA, wishes))
    if are_quick and not any(map(_SCHEMAS, wishes)) and not any(map(_UPDATE, wishes)):
        return None
    return _octets(wishes)


def _octets(wishes: Sequence[Wish]) -> int:
    return sum(map(len, map(_DATA, wishes)))


def _prepared(
    wishes: Sequence[Wish], entropy: Entropy, here: Circumstances, budget: type[Budget] = Budget
) -> list[Ready]:
    """Documents checked (TUC_KON_080) and prepared."""
    stack: list[Ready] = []
    try:
        for wish in wishes:
            # For the Ids of the signature.
            name = random_uuid(entropy) if wish.format is SignatureFormat.XADES else ""
            stack.append(prepare(wish, name, here, checked(wish, qes=here.qes, budget=budget)))
    except KonnektorError as error:
        tell_which(error, len(stack), len(wishes))
        raise
    return stack


def _finished(stack: Sequence[Ready], values: Values, ocsp: bytes | None) -> list[Made]:
    return list(map(finish, stack, values, repeat(ocsp)))


async def _with_smb(call: Call) -> tuple[SignedBy, Sign]:
    signer = await signer_of(call.card, call.session, SIG, call.crypt, call.context.clock)
    return SignedBy(signer.certificate, signer.scheme), partial(_sign, call, signer)


async def _with_hba(call: Call) -> tuple[SignedBy, Sign]:
    key = await certified_key(call.card, QES, effective_crypt(call.card, call.crypt), call.context.clock)
    if key is None:
        raise KonnektorError(4123, causes=(KonnektorError(4256),))
    return SignedBy(key.certificate, key.scheme), partial(_sign_qualified, call, key)


async def _certificate_status(call: Call, certificate: bytes) -> bytes | None:
    """TUC_KON_152, step 3: the OCSP response about the signer's certificate, None if there is none to be had.

    Raises 4123 with the cause for a certificate that is revoked, unknown or not valid. Without trust lists an instance
    knows no issuers of qualified certificates and cannot judge.
    """
    context = call.context
    if context.trust.lists is None and call.qes:
        return None
    check = await context.trust.check_signer(certificate, context.clock.now())
    verdict = check.verdict
    if verdict.result is Verified.INVALID:
        causes = () if verdict.fault is None else (KonnektorError(verdict.fault.number, verdict.reason),)
        raise KonnektorError(4123, causes=causes)
    return (verdict.status.response or None) if verdict.status is not None else None


def _is_asked_later(call: Call, wishes: Sequence[Wish]) -> bool:
    """Whether the OCSP response of 7.5.6 is wanted: fetched when the signatures are made (C_11276)."""
    return call.ocsp_afterwards and any(map(_INCLUDES_STATUS, wishes))


async def _sign(call: Call, signer: Signer, stack: Sequence[Ready]) -> Values:
    """TUC_KON_166."""
    values = []
    for ready in stack:
        signed = []
        for digest in ready.prepared.digests:
            if call.job.stop.turned():
                return ()
            signed.append(await signer.sign_digest(digest, signer.scheme))
            call.job.has_begun = True
        values.append(tuple(signed))
        _tell(call)
    return tuple(values)


async def _sign_qualified(call: Call, key: CertifiedKey, stack: Sequence[Ready]) -> Values:
    """TUC_KON_154 or 168."""
    job = QesJob(
        card=call.card,
        session=call.session,
        workplace_id=call.workplace_id,
        number=call.job.number,
        key=key,
        stop=call.job.stop,
        on_signed=lambda _: _tell(call),
        mandant_id=call.mandant_id,
    )
    call.job.has_begun = True
    return (await call.context.qes.sign(job, [ready.prepared.digests for ready in stack])).values


def _tell(call: Call) -> None:
    call.context.hub.publish(
        Event(
            Topic.SIGN_NEXT_SUCCESSFUL,
            (("Jobnummer", call.job.number),),
            log=False,
            ct_id=call.card.ct_id,
            card_handle=call.card.handle,
        )
    )
