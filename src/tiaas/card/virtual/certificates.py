"""PSO VERIFY CERTIFICATE and LIST PUBLIC KEY (gemSpec_COS V3.12.0, 14.8.7 and 14.9.7)."""

from typing import Final

from tiaas.card.apdu import ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.card.virtual.authentication import refuse_expired
from tiaas.card.virtual.channel import KeyUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.image import PublicKey
from tiaas.card.virtual.refusal import Refused
from tiaas.pki.cvc import BadCvc, Cvc, CvcSignatureWrong, decode_cvc_value_untrusted, verify_cvc
from tiaas.tlv import encode

_DONE: Final = ResponseApdu(b"", StatusWord.OK)
# Answers under secure messaging end here (gaps_closed §2.11); a longer list is cut between entries.
_LIST_LIMIT: Final = 1033


def verify_certificate(run: Execution) -> ResponseApdu:
    """Checks a CV certificate with the selected key and imports its key for good (N095.800 to N095.900)."""
    issuer = _issuer(run)
    try:
        cvc = decode_cvc_value_untrusted(run.command.data)
    except BadCvc:
        raise Refused(StatusWord.WRONG_DATA) from None
    if cvc.car != issuer.key_id:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if not issuer.is_root:
        refuse_expired(run, issuer)
    try:
        verify_cvc(cvc, run.contents.loaded_public_key(issuer))
    except CvcSignatureWrong:
        raise Refused(StatusWord.WRONG_DATA) from None
    key = _certified(run, cvc, issuer)
    run.contents.set_point_in_time(cvc.ced)
    run.contents.import_key(key, run.in_use())
    return _DONE


def list_public_keys(run: Execution) -> ResponseApdu:
    """LIST PUBLIC KEY: `E0 {4F AID, B6 {83 CAR}}` for certificate keys, `A4 {83 CHR}` for others (N099.462)."""
    aid = encode(0x4F, run.contents.tree.root.aid)
    listed, sw = b"", StatusWord.OK
    for key in run.contents.image.public_keys.values():
        template = 0xB6 if key.checks_certificates else 0xA4
        entry = encode(0xE0, aid, encode(template, encode(0x83, key.key_id)))
        if len(listed) + len(entry) > _LIST_LIMIT:
            sw = StatusWord.DATA_TRUNCATED
            continue
        listed += entry
    return ResponseApdu(run.cut(listed), sw)


def _issuer(run: Execution) -> PublicKey:
    key_id, _ = run.select_key(KeyUse.CERTIFICATE)
    issuer = run.contents.public_key(key_id) if isinstance(key_id, bytes) else None
    if issuer is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    return issuer


def _certified(run: Execution, cvc: Cvc, issuer: PublicKey) -> PublicKey:
    """The key as it is stored: its flags are those of certificate and issuer at once (N095.900b.6 to b.16)."""
    if cvc.flag_oid != issuer.flag_oid or cvc.ced > cvc.cxd:
        raise Refused(StatusWord.WRONG_DATA)
    flags = bytes(own & issuers for own, issuers in zip(cvc.flags, issuer.flags, strict=True))
    key = PublicKey(cvc.chr, cvc.public_key, cvc.flag_oid, flags, cvc.cxd)
    if key.is_root:
        return key
    known = run.contents.public_key(key.key_id)
    # A root's certificate authority must not put its own key in the root's place.
    if known is not None and known.is_root:
        raise Refused(StatusWord.WRONG_DATA)
    if issuer.expires is not None and cvc.cxd > issuer.expires:
        raise Refused(StatusWord.WRONG_DATA)
    if cvc.cxd < run.contents.image.point_in_time:
        raise Refused(StatusWord.BLOCKED_OR_EXPIRED)
    return key
