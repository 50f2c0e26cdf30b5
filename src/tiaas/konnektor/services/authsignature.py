"""AuthSignatureService 7.4: ExternalAuthenticate (gemSpec_Kon V5.18 TIP1-A_5437-02, 5439, TAB_KON_780 to 784).

The octets are a hash value already and are signed as they are, with the authentication key of an HBAx or SM-B alone.
Their length tells the hash function. Nobody is asked for a PIN: 4085 if it is not verified, and the client calls
VerifyPin.
"""

from collections.abc import Mapping

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.auth_signature_service_v7_4 import EXTERNAL_AUTHENTICATE_ACTION
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.dss_core_v1_0 import Base64Signature, SignatureObject
from tiaas.interfaces.signature_service_v7_4 import ExternalAuthenticate, ExternalAuthenticateResponse
from tiaas.interfaces.signature_service_v7_5 import SignatureScheme
from tiaas.konnektor.cardmap import AUT, ECC, RSA
from tiaas.konnektor.cardtypes import HBAX, SM_B
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keys import signer_of
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.dispatch import Operation, operation

PKCS1_TYPE = "urn:ietf:rfc:3447"
ECDSA_TYPE = "urn:bsi:tr:03111:ecdsa"
"""Values of dss:SignatureType (TAB_KON_781)."""
_MIME_TYPE = "application/octet-stream"
_BLANK = " \t\r\n"

_DIGESTS: Mapping[int, Digest] = {digest.size: digest for digest in Digest}
_SCHEMES: Mapping[SignatureScheme, SigningScheme] = {
    SignatureScheme.PSS: SigningScheme.RSASSA_PSS,
    SignatureScheme.PKCS1_V1_5: SigningScheme.RSASSA_PKCS1_V1_5,
}
_ONLY_SHA256 = frozenset({SigningScheme.RSASSA_PSS, SigningScheme.ECDSA})


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a request asks for."""

    signature_type: str
    scheme: SigningScheme
    digest: bytes
    hash_function: Digest

    @property
    def crypt(self) -> str:
        """The kind of key."""
        return ECC if self.scheme is SigningScheme.ECDSA else RSA


def operations(context: ServiceContext) -> list[Operation]:
    """The operation of AuthSignatureService 7.4."""

    async def external_authenticate(request: ExternalAuthenticate, peer: Peer) -> ExternalAuthenticateResponse:
        return await _external_authenticate(context, request, peer)

    return [
        operation(
            ExternalAuthenticate,
            ExternalAuthenticateResponse,
            external_authenticate,
            access=declared("ExternalAuthenticate"),
            soap_action=EXTERNAL_AUTHENTICATE_ACTION,
        )
    ]


async def _external_authenticate(
    context: ServiceContext, request: ExternalAuthenticate, peer: Peer
) -> ExternalAuthenticateResponse:
    named = context.cards.find(request.card_handle)
    if named is not None and named.card_type not in HBAX | SM_B:
        raise KonnektorError(4058)
    wish = _wish(request)
    authorize(context, peer, request.context, "ExternalAuthenticate", card_handle=request.card_handle)
    card = context.cards.get(request.card_handle)
    session = card.session(call_context(request.context))
    signer = await signer_of(card, session, AUT, wish.crypt, context.clock)
    value = await signer.sign_digest(wish.digest, wish.scheme, wish.hash_function)
    signature = Base64Signature(value=value, type=wish.signature_type)
    return ExternalAuthenticateResponse(status=OK, signature_object=SignatureObject(base64_signature=signature))


def _wish(request: ExternalAuthenticate) -> _Wish:
    """checkArguments. Raises 4111 for a signature type that is none, 4000 for the rest."""
    inputs = request.optional_inputs
    signature_type = PKCS1_TYPE if inputs is None or inputs.signature_type is None else inputs.signature_type
    scheme = _scheme(signature_type, None if inputs is None else inputs.signature_schemes)
    data = request.binary_string.base64_data
    if (data.mime_type or "").strip(_BLANK).lower() != _MIME_TYPE:
        raise KonnektorError(4000, f"MimeType is not {_MIME_TYPE}")
    digest = _DIGESTS.get(len(data.data))
    if digest is None or (scheme in _ONLY_SHA256 and digest is not Digest.SHA256):
        raise KonnektorError(4000, f"no hash value for {scheme.name}: {len(data.data)} octets")
    return _Wish(signature_type, scheme, data.data, digest)


def _scheme(signature_type: str, wanted: SignatureScheme | None) -> SigningScheme:
    """SignatureSchemes is for PKCS#1 signatures; with ECDSA it has no meaning."""
    if signature_type == ECDSA_TYPE:
        return SigningScheme.ECDSA
    if signature_type == PKCS1_TYPE:
        return _SCHEMES[wanted or SignatureScheme.PSS]
    raise KonnektorError(4111)
