"""Documents about administrators, sessions and tokens."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Name, Number, Text, Told
from tiaas.interfaces.management.logs import LogEntry
from tiaas.interfaces.management.roles import Role

PASSWORD_MIN = 12
PASSWORD_MAX = 128

Password = Annotated[Secret, Text(PASSWORD_MIN, PASSWORD_MAX), Told("three of: small, capital, digit, other")]


Contact = Annotated[str, Text(0, 256, personal=True), Told("how the administrator is reached")]


@dataclass(frozen=True, slots=True)
class Login:
    """User and password."""

    user: Name
    password: Annotated[Secret, Text(1, PASSWORD_MAX)]


@dataclass(frozen=True, slots=True)
class SecurityNews:
    """What the security log has got since this administrator's last logout (TIP1-A_4996)."""

    since: Annotated[datetime | None, Told("the last logout; null: there was none, all entries count")]
    entries: Annotated[int, Told("10,000 at most")]
    newest: Annotated[tuple[LogEntry, ...], Told("the newest first, 20 at most")]


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session: send `token` as `Authorization: Bearer TOKEN`. It ends after 15 minutes without a request."""

    token: Annotated[Secret, Text(1, 128)]
    user: str
    role: Role
    security: Annotated[SecurityNews | None, Told("null on the node's plane, which has no security log")]


@dataclass(frozen=True, slots=True)
class SessionState:
    """Who the caller is."""

    user: str
    role: Role
    may_reset: Annotated[bool, Told("USER_RESET_PERMISSION")]
    contact: Contact = ""


@dataclass(frozen=True, slots=True)
class Administrator:
    """An account."""

    user: str
    role: Role
    may_reset: Annotated[bool, Told("USER_RESET_PERMISSION")]
    has_password: bool
    is_locked: bool
    last_logout: datetime | None
    contact: Contact = ""


@dataclass(frozen=True, slots=True)
class AdministratorList:
    """All accounts."""

    administrators: tuple[Administrator, ...]


@dataclass(frozen=True, slots=True)
class NewAdministrator:
    """An account to be made."""

    user: Name
    password: Password
    role: Role
    may_reset: Annotated[bool, Told("USER_RESET_PERMISSION")] = False
    contact: Contact = ""


@dataclass(frozen=True, slots=True)
class AdministratorChange:
    """What is to be changed; what is left out stays. The name of an account never changes."""

    role: Role | None = None
    may_reset: bool | None = None


@dataclass(frozen=True, slots=True)
class NewContact:
    """Contact data of an account (MGM_USER_INFO)."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password for an account; `current` is needed for one's own."""

    password: Password
    current: Annotated[Secret | None, Text(1, PASSWORD_MAX)] = None


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token, without its secret."""

    token_id: str
    label: str
    created: datetime
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class TokenList:
    """The tokens of an account."""

    tokens: tuple[TokenEntry, ...]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be made."""

    label: Annotated[str, Text(1, 64)]
    days: Annotated[int | None, Number(1, 3650), Told("left out: it does not expire")] = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; it is shown this once."""

    token: Annotated[Secret, Text(1, 128)]
    token_id: str
    expires: datetime | None
