"""Volatile state of a logical channel: channelContext of gemSpec_COS V3.12.0, chapter 12.

The lists have the smallest lengths the specification allows (N029.900 e–j): who relies on more relies on one maker.
"""

from collections.abc import Callable
from dataclasses import field
from enum import Enum, unique
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.dataclass import dataclass
from tiaas.card.brainpool import Point
from tiaas.card.objsys.model import parent_of
from tiaas.card.securemessaging import SessionKeys
from tiaas.card.virtual.tree import on_path

CHANNELS: Final = 4

_PASSWORDS: Final = 4
_KEYS: Final = 3
_ROLES: Final = 1


@unique
class KeyUse(Enum):
    """The places of keyReferenceList (N029.900c)."""

    EXTERNAL = "externalAuthenticate"
    INTERNAL = "internalAuthenticate"
    CERTIFICATE = "verifyCertificate"
    SIGNATURE = "signatureCreation"
    DECIPHER = "dataDecipher"
    ENCIPHER = "dataEncipher"
    MAC = "macCalculation"


# In place of a key: the session keys of a trusted channel (N031.522).
SESSION_KEY: Final = ""


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """A selected key: the path of a secret key, or the identifier of a public one; and the algorithm octet."""

    key: str | bytes
    folder: str
    alg: int


@dataclass(frozen=True, slots=True)
class Role:
    """A proven card holder authorisation (CHAT) and the folder of the key that proved it."""

    oid: bytes
    flags: bytes
    folder: str

    def has(self, oid: bytes, flags: bytes) -> bool:
        """True if this one role has all the wanted flags (N022.400: roles are not added up)."""
        own, wanted = int.from_bytes(self.flags, "big"), int.from_bytes(flags, "big")
        return self.oid == oid and own & wanted == wanted


@unique
class SessionUse(Enum):
    """What session keys are for (flagSessionEnabled)."""

    SECURE_MESSAGING = "SK4SM"
    TRUSTED_CHANNEL = "SK4TC"


@dataclass(slots=True)
class Session:
    """Session keys and what they were negotiated with: the path of a symmetric key, or a role."""

    use: SessionUse
    keys: SessionKeys
    partner: str | Role
    folder: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """What GENERAL AUTHENTICATE keeps between its two steps."""

    key_path: str
    alg: int
    partner_id: bytes
    ephemeral: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaceHandshake:
    """What PACE keeps between its steps: first the number, then the mapped generator, then keys and points."""

    key_path: str
    number: bytes = field(repr=False)
    generator: Point | None = field(default=None, repr=False)
    keys: SessionKeys | None = None
    own_point: bytes = b""
    other_point: bytes = b""


@dataclass(slots=True)
class Channel:
    """One logical channel; `folder` and `file` are paths."""

    number: int
    folder: str = "MF"
    file: str | None = None
    challenge: bytes | None = None
    keys: dict[KeyUse, KeyChoice] = field(default_factory=dict)
    session: Session | None = None
    next_session: Session | None = None
    handshake: Handshake | PaceHandshake | None = None
    command_enciphered: bool = False
    encipher_response: bool = False
    authenticated: list[str] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    verified: dict[str, int | None] = field(default_factory=dict)
    environments: dict[str, int] = field(default_factory=dict)

    def environment(self, folder: str) -> int:
        """The security environment of a folder."""
        return self.environments.get(folder, 1)

    def clear_session(self) -> None:
        """clearSessionkeys (N030.740): the keys go, and the state their negotiation had set."""
        session = self.session
        if session is None:
            return
        if isinstance(session.partner, Role):
            self.drop_role(session.partner)
        else:
            self.drop_key(session.partner)
        self._end_session()

    def begin_session(self, session: Session) -> None:
        """New session keys take effect (N031.920); those of a trusted channel become the selected ones."""
        self._end_session()
        self.session = session
        if session.use is SessionUse.TRUSTED_CHANNEL:
            for use in (KeyUse.DECIPHER, KeyUse.ENCIPHER, KeyUse.MAC):
                self.keys[use] = KeyChoice(SESSION_KEY, session.folder, 0)

    def _end_session(self) -> None:
        self.session = None
        self.keys = {use: choice for use, choice in self.keys.items() if choice.key != SESSION_KEY}

    def add_role(self, role: Role) -> None:
        """setSecurityStatus for a key of a CV certificate (N030.400)."""
        if role in self.roles:
            return
        self.roles.insert(0, role)
        for dropped in self.roles[_ROLES:]:
            self.drop_role(dropped)

    def drop_role(self, role: Role) -> None:
        """clearSecurityStatusKey (N030.600, N030.700): a session negotiated with it ends too."""
        self.roles = [known for known in self.roles if known != role]
        if self.session is not None and self.session.partner == role:
            self._end_session()

    def add_key(self, path: str) -> None:
        """setSecurityStatus for a symmetric key (N030.300)."""
        if path in self.authenticated:
            return
        self.authenticated.insert(0, path)
        is_global = parent_of(path) == "MF"
        alike = [known for known in self.authenticated if (parent_of(known) == "MF") == is_global]
        for dropped in alike[_KEYS:]:
            self.drop_key(dropped)

    def drop_key(self, path: str) -> None:
        """clearSecurityStatusKey for a symmetric key."""
        self.authenticated = [known for known in self.authenticated if known != path]
        if self.session is not None and self.session.partner == path:
            self._end_session()

    def set_verified(self, path: str, evaluations: int | None) -> None:
        """setPasswordStatus (N030.800 to N031.100); the oldest entry makes place for a fifth one."""
        self.verified.pop(path, None)
        self.verified[path] = evaluations
        is_global = parent_of(path) == "MF"
        alike = [known for known in self.verified if (parent_of(known) == "MF") == is_global]
        for dropped in alike[:-_PASSWORDS]:
            del self.verified[dropped]

    def clear_verified(self, path: str) -> None:
        """clearPasswordStatus (N031.300)."""
        self.verified.pop(path, None)

    def enter(self, folder: str) -> None:
        """SELECT of a folder with all it does to the channel (N048.200b)."""
        old, self.folder = self.folder, folder
        self.file = None
        self.environments = {
            path: number for path, number in self.environments.items() if on_path(path, old) and on_path(path, folder)
        }
        self._drop_states(lambda path: not on_path(path, folder))
        self.keys = {use: choice for use, choice in self.keys.items() if on_path(choice.folder, folder)}
        if self.session is not None and not on_path(self.session.folder, folder):
            self.clear_session()

    def restore_environment(self, number: int) -> None:
        """MSE RESTORE (N104.200)."""
        self.environments[self.folder] = number
        self.keys = {use: choice for use, choice in self.keys.items() if choice.folder != self.folder}
        self._drop_states(lambda path: path == self.folder)

    def _drop_states(self, goes: Callable[[str], bool]) -> None:
        """Forgets passwords, keys and roles that belong to a folder for which `goes` says so."""
        for path in [path for path in self.verified if goes(parent_of(path))]:
            self.clear_verified(path)
        for path in [path for path in self.authenticated if goes(parent_of(path))]:
            self.drop_key(path)
        for role in [role for role in self.roles if goes(role.folder)]:
            self.drop_role(role)
