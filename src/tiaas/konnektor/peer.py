"""Who is at the other end of a client connection, as far as TLS and HTTP say (gemSpec_Kon V5.18 §3.4.1, ANCL_*)."""

from tiaas.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """What the access check knows about the caller besides the call context.

    `client_system_ids` are the Clientsysteme the shown certificate or the Basic user belongs to, empty if there is
    neither. `authentication_required` is ANCL_CAUT_MANDATORY: if it is False, nobody is compared with the call context.
    `certificate_fingerprint` is the SHA-256 of the DER in lower-case hex, `address` the client's IP address.
    """

    certificate_fingerprint: str | None
    client_system_ids: frozenset[str]
    basic_user: str | None
    address: str
    authentication_required: bool = True
