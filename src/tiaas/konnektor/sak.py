"""ID.SAK.AUT: the identity an instance shows to its card terminals (gemSpec_Kon V5.18 §4.1.4; gemSpec_Krypt A_17124).

One provider per node gives the front a TLS context by instance name. A context is made at its first use.
"""

import ssl
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.errors import TiaasError
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.tls import memory_file
from tiaas.terminal.tls import client_context


class NoIdentity(TiaasError):
    """The instance has no ID.SAK.AUT here."""


class SakIdentities:
    """Implements `tiaas.terminal.embedded.ClientTls` for the instances of one node."""

    def __init__(self) -> None:
        self._pairs: dict[str, KeyPair] = {}
        self._contexts: dict[tuple[str, str], ssl.SSLContext] = {}

    def put(self, instance: str, pair: KeyPair) -> None:
        """Sets the identity of an instance; connections made from now on show it."""
        self.remove(instance)
        self._pairs[instance] = pair

    def remove(self, instance: str) -> None:
        """Forgets it."""
        self._pairs.pop(instance, None)
        for key in [key for key in self._contexts if key[0] == instance]:
            del self._contexts[key]

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        """The client context. Raises `NoIdentity`, `ssl.SSLError`."""
        key = (instance, tls_profile)
        if key not in self._contexts:
            if instance not in self._pairs:
                raise NoIdentity(instance)
            pair = self._pairs[instance]
            certificate = pair.certificate.public_bytes(Encoding.PEM)
            with memory_file(certificate) as certificate_path, memory_file(pair.key_pem().reveal()) as key_path:
                self._contexts[key] = client_context(Path(certificate_path), Path(key_path), tls_profile)
        return self._contexts[key]
