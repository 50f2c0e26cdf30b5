"""The keys of a virtual SMC-B (card type HSM-B): in an HSM, or in files of a lab.

A virtual SMC-B answers no commands: its certificates were read when it was loaded, its keys are used through a
`KeyStore`. In the place of PIN.SMC stands the activation by an administrator, for one Mandant (A_23632-01,
gemF_Personalisierung_HSM).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from tiaas.base.dataclass import dataclass
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardLinkError
from tiaas.pki.keys import Digest, SigningScheme

if TYPE_CHECKING:
    from tiaas.konnektor.cvcimport import CvcChain


class KeyStore(Protocol):
    """Keys and certificates by label. Everything raises `TokenError`."""

    @property
    def is_outside(self) -> bool:
        """Whether what it signs comes from outside the process, so that a document's signature is verified (4120)."""
        ...

    @property
    def is_stuck(self) -> bool:
        """Whether it hangs: everything raises `TokenError` at once until it answers."""
        ...

    async def open(self) -> None:
        """Makes it ready for use."""
        ...

    async def close(self) -> None:
        """Ends its use."""
        ...

    async def certificate(self, label: str) -> bytes | None:
        """A certificate (DER), None if there is none of that label."""
        ...

    async def data(self, label: str) -> bytes | None:
        """Other octets, None if there are none of that label."""
        ...

    def sign(self, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> Awaitable[bytes]:
        """A signature over a hash value, ECDSA in DER."""
        ...

    def agree(self, label: str, point: bytes) -> Awaitable[bytes]:
        """ECDH with a point (uncompressed): the x-coordinate."""
        ...

    def decipher(self, label: str, cryptogram: bytes) -> Awaitable[bytes]:
        """RSAES-OAEP with SHA-256. Raises `WrongCryptogram`."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class HeldKeys:
    """What a virtual SMC-B has: certificates (DER) and labels of keys by reference and crypt, and for ReadVSD its role.

    `is_active` tells whether a Mandant may use it.
    """

    store: KeyStore
    certificates: Mapping[tuple[str, str], bytes]
    labels: Mapping[tuple[str, str], str]
    is_active: Callable[[str], bool]
    role: "CvcChain | None" = None
    role_label: str = ""


class NoLine:
    """A `CardLink` to a card that takes no commands."""

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Always raises `CardLinkError`."""
        raise CardLinkError("a virtual SMC-B takes no commands")
