"""Who may connect to an instance and who a caller is: certificate list, Basic users and information model together.

Which Clientsystem an authentication feature belongs to says the information model at the time of each request.
"""

from collections.abc import Callable
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.basic import BasicUsers, parse_basic_untrusted
from tiaas.konnektor.config import ClientAccess, LdapVariant, Variant
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.infomodel import AuthKind
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.peer import Peer


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of one instance (variants SOAP1 to SOAP4, gemSpec_Kon V5.18 §3.4.1)."""

    access: ClientAccess
    identity: Identity
    users: BasicUsers
    model: LiveInfoModel
    refused: Callable[[str, str], None] = field(default=lambda reason, address: None)
    """Hears of each client that is not let in: why, in a phrase of ours, and its address."""

    def accepted_certificates(self) -> dict[str, bytes] | None:
        """The client certificates (fingerprint → DER) that TLS accepts; None if it asks for none."""
        return self._bound_certificates() if self.access.variant is Variant.CERTIFICATE else None

    def ldap_certificates(self) -> dict[str, bytes] | None:
        """As `accepted_certificates`, for the LDAP proxy (A_21224-01)."""
        return self._bound_certificates() if self.access.ldap_variant is LdapVariant.CERTIFICATE else None

    def _bound_certificates(self) -> dict[str, bytes]:
        clients = self.model.current.clients.values()
        bound = {f.value for client in clients for f in client.auth_features if f.kind is AuthKind.CERTIFICATE}
        known = self.identity.client_certificates
        return {fingerprint: known[fingerprint] for fingerprint in sorted(bound) if fingerprint in known}

    def admits(self, fingerprint: str | None) -> bool:
        """Whether a TLS connection with this client certificate may go on."""
        if self.access.variant is not Variant.CERTIFICATE:
            return True
        return self._is_bound(fingerprint)

    def admits_ldap(self, fingerprint: str | None) -> bool:
        """As `admits`, for the LDAP proxy."""
        return self.access.ldap_variant is not LdapVariant.CERTIFICATE or self._is_bound(fingerprint)

    def _is_bound(self, fingerprint: str | None) -> bool:
        return fingerprint is not None and bool(self._owners(AuthKind.CERTIFICATE, fingerprint))

    def known_peer(self, fingerprint: str | None, address: str) -> Peer | None:
        """The caller of one request by its certificate, where no password is asked for; None if it has none of use.

        Where authentication is not mandatory everybody is welcome.
        """
        return self.model.derived(("peer", fingerprint, address), lambda _: self._known_peer(fingerprint, address))

    def _known_peer(self, fingerprint: str | None, address: str) -> Peer | None:
        if self.access.variant is not Variant.CERTIFICATE:
            return Peer(None, frozenset(), None, address, authentication_required=False)
        owners = self._owners(AuthKind.CERTIFICATE, fingerprint) if fingerprint is not None else None
        return Peer(fingerprint, owners, None, address) if owners else None

    async def peer(self, authorization: str | None, address: str) -> Peer | None:
        """The caller of one request by user and password (SOAP2); None if they are missing or wrong (HTTP 401).

        `authorization` is the header's value.
        """
        credentials = parse_basic_untrusted(authorization) if authorization else None
        if credentials is None or not await self.users.verify(credentials):
            return None
        owners = self._owners(AuthKind.BASIC, credentials.user)
        return Peer(None, owners, credentials.user, address)

    def _owners(self, kind: AuthKind, value: str) -> frozenset[str]:
        return self.model.current.clients_with(kind, value)
