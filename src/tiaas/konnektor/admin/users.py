"""Administrators of one plane: accounts, tokens, sessions, lock-out (gemSpec_Kon V5.18 TIP1-A_4810).

Rows: `admin-user`/NAME with role and password hashes, `admin-token`/ID with the SHA-256 of a token. A token is 256
random bits, so a plain hash of it is enough. Sessions (what a login gives) live in memory only.

There is always at least one account with the plane's highest role: the change that would take it away is refused.
"""

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.base.secret import Secret
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.passwords import HISTORY, check_new
from tiaas.konnektor.admin.routes import Caller
from tiaas.konnektor.store import Delete, InstanceStore, Put, StoreError
from tiaas.pki.passwordhash import NOBODY, PasswordHash, hash_password, is_right

LOCK_AFTER = 5
LOCK_TIME = timedelta(minutes=15)
IDLE_TIME = timedelta(minutes=15)
SESSION_TIME = timedelta(hours=8)
SESSIONS_MAX = 64
_LOGINS_AT_ONCE = 2
USER_KIND, TOKEN_KIND = "admin-user", "admin-token"


class LoginRefused(TiaasError):
    """User or password wrong; does not say which."""


class LockedOut(TiaasError):
    """Too many wrong passwords; `until` says when the next try counts."""

    def __init__(self, until: datetime) -> None:
        super().__init__("the account is locked after too many wrong passwords")
        self.until = until


class LastAdministrator(InvalidInput):
    """The change would leave the plane without its highest role."""


class UnknownUser(InvalidInput):
    """There is no such account or token."""


@dataclass(frozen=True, slots=True)
class Account:
    """An administrator. `hashes`: the password in force first, then earlier ones; none if only tokens open it."""

    user: str
    role: Role
    may_reset: bool = False
    hashes: tuple[PasswordHash, ...] = field(default=(), repr=False)
    last_logout: datetime | None = None
    contact: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token that an administrator made for a program."""

    token_id: str
    user: str
    label: str
    created: datetime
    expires: datetime | None
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """Who may begin where nobody has an account yet: the delivery state of a plane."""

    user: str
    token_id: str
    digest: bytes = field(repr=False)

    @staticmethod
    def of(user: str, token: Secret) -> "FirstAdmin":
        """With a token of `make_token`."""
        return FirstAdmin(user, _id_of(token), _digest(token))


@dataclass(slots=True)
class _Session:
    user: str
    digest: bytes
    started: datetime
    used: datetime


class Administrators:
    """The accounts of one plane. Build it with `load`."""

    def __init__(self, store: InstanceStore, clock: Clock, entropy: Entropy, highest: Role) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self.highest = highest
        self._accounts: dict[str, Account] = {}
        self._tokens: dict[str, Token] = {}
        self._sessions: dict[str, _Session] = {}
        self._failed: dict[str, int] = {}
        self._locked: dict[str, datetime] = {}
        self._logins = asyncio.Semaphore(_LOGINS_AT_ONCE)
        self._changing = asyncio.Lock()

    @classmethod
    async def load(
        cls, store: InstanceStore, clock: Clock, entropy: Entropy, highest: Role, first: FirstAdmin | None
    ) -> "Administrators":
        """Reads the accounts; where there is none, `first` becomes one of the highest role. Raises `StoreError`."""
        self = cls(store, clock, entropy, highest)
        try:
            self._accounts = {name: read_account(name, row) for name, row in (await store.list(USER_KIND)).items()}
            self._tokens = {name: _token(name, row) for name, row in (await store.list(TOKEN_KIND)).items()}
        except (KeyError, ValueError, TypeError):
            raise StoreError("a stored account is damaged") from None
        if not self._accounts and first is not None:
            await self._begin(first)
        return self

    async def _begin(self, first: FirstAdmin) -> None:
        account = Account(first.user, self.highest, may_reset=True)
        token = Token(first.token_id, first.user, "first", self._clock.now(), None, first.digest)
        await self._store.apply([_put_account(account), _put_token(token)])
        self._accounts[first.user] = account
        self._tokens[token.token_id] = token

    # ---- who asks ------------------------------------------------------------------------------------------------

    def caller(self, shown: Secret) -> Caller | None:
        """Who shows this token, None if it is not valid (any more)."""
        try:
            token_id = _id_of(shown)
        except UnicodeDecodeError:
            return None
        now, digest = self._clock.now(), _digest(shown)
        session = self._sessions.get(token_id)
        if session is not None and compare_digest(session.digest, digest):
            if now - session.used > IDLE_TIME or now - session.started > SESSION_TIME:
                del self._sessions[token_id]
                return None
            session.used = now
            return self._as_caller(session.user, token_id)
        token = self._tokens.get(token_id)
        if token is None or not compare_digest(token.digest, digest) or (token.expires and token.expires <= now):
            return None
        return self._as_caller(token.user, token_id)

    def _as_caller(self, user: str, token_id: str) -> Caller | None:
        account = self._accounts.get(user)
        return None if account is None else Caller(user, account.role, token_id, account.may_reset)

    async def verify(self, user: str, password: Secret) -> None:
        """Raises `LoginRefused`, `LockedOut`; takes as long for a user that is not there."""
        async with self._logins:
            until = self._locked.get(user)
            if until is not None and self._clock.now() < until:
                raise LockedOut(until)
            account = self._accounts.get(user)
            kept = account.hashes[0] if account is not None and account.hashes else NOBODY
            if not await is_right(password, kept) or kept is NOBODY:
                self._count_failure(user, known=account is not None)
                raise LoginRefused("user or password is wrong")
            self._failed.pop(user, None)
            self._locked.pop(user, None)

    def _count_failure(self, user: str, *, known: bool) -> None:
        """Names that are no accounts are not kept: whoever invents names would fill our memory."""
        if not known:
            return
        count = self._failed[user] = self._failed.get(user, 0) + 1
        if count >= LOCK_AFTER:
            self._locked[user] = self._clock.now() + LOCK_TIME
            self._failed[user] = 0

    def open_session(self, user: str) -> tuple[Secret, Caller]:
        """A session's token for a user that was verified. The session that was idle longest makes room."""
        token = make_token(self._entropy)
        token_id = _id_of(token)
        now = self._clock.now()
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used)]
        self._sessions[token_id] = _Session(user, _digest(token), now, now)
        caller = self._as_caller(user, token_id)
        assert caller is not None  # noqa: S101 - the account was just looked up
        return token, caller

    async def logout(self, caller: Caller) -> None:
        """Ends the caller's session and remembers when."""
        self._sessions.pop(caller.token_id, None)
        async with self._changing:
            account = self._accounts.get(caller.user)
            if account is not None:
                await self._keep(replace(account, last_logout=self._clock.now()))

    # ---- accounts ------------------------------------------------------------------------------------------------

    def accounts(self) -> tuple[Account, ...]:
        """All, by name."""
        return tuple(self._accounts[name] for name in sorted(self._accounts))

    def account(self, user: str) -> Account:
        """Raises `UnknownUser`."""
        try:
            return self._accounts[user]
        except KeyError:
            raise UnknownUser("there is no such administrator") from None

    def is_locked(self, user: str) -> bool:
        """Whether the account is locked at the moment."""
        until = self._locked.get(user)
        return until is not None and self._clock.now() < until

    async def add(self, user: str, password: Secret, role: Role, *, may_reset: bool, contact: str = "") -> Account:
        """Raises `InvalidInput` (taken), `WeakPassword`."""
        await check_new(user, password, ())
        hashed = await hash_password(password, self._entropy)
        async with self._changing:
            if user in self._accounts:
                raise InvalidInput("there is an administrator of that name")
            account = Account(user, role, may_reset, (hashed,), contact=contact)
            await self._keep(account)
            return account

    async def change(self, user: str, role: Role | None, may_reset: bool | None) -> Account:
        """Another role or right; None leaves it. Raises `UnknownUser`, `LastAdministrator`."""
        async with self._changing:
            held = self.account(user)
            changed = replace(
                held,
                role=held.role if role is None else role,
                may_reset=held.may_reset if may_reset is None else may_reset,
            )
            self._keep_one(changed, user)
            await self._keep(changed)
            return changed

    async def set_contact(self, user: str, contact: str) -> None:
        """Other contact data. Raises `UnknownUser`."""
        async with self._changing:
            await self._keep(replace(self.account(user), contact=contact))

    async def set_password(self, user: str, password: Secret) -> None:
        """A new password; sessions of the account end, its lock is lifted. Raises `UnknownUser`, `WeakPassword`."""
        await check_new(user, password, self.account(user).hashes)
        hashed = await hash_password(password, self._entropy)
        async with self._changing:
            held = self.account(user)
            await self._keep(replace(held, hashes=(hashed, *held.hashes)[:HISTORY]))
            self._end_sessions(user)
            self._failed.pop(user, None)
            self._locked.pop(user, None)

    async def remove(self, user: str) -> None:
        """With its tokens and sessions. Raises `UnknownUser`, `LastAdministrator`."""
        async with self._changing:
            self.account(user)
            self._keep_one(None, user)
            tokens = [token.token_id for token in self._tokens.values() if token.user == user]
            await self._store.apply([Delete(USER_KIND, user), *(Delete(TOKEN_KIND, token_id) for token_id in tokens)])
            del self._accounts[user]
            for token_id in tokens:
                del self._tokens[token_id]
            self._end_sessions(user)

    def _keep_one(self, changed: Account | None, user: str) -> None:
        others = [account for account in self._accounts.values() if account.user != user]
        if not any(account.role is self.highest for account in (*others, *([changed] if changed else []))):
            raise LastAdministrator(f"there must be at least one {self.highest}")

    def _end_sessions(self, user: str) -> None:
        for token_id in [key for key, session in self._sessions.items() if session.user == user]:
            del self._sessions[token_id]

    async def _keep(self, account: Account) -> None:
        await self._store.apply([_put_account(account)])
        self._accounts[account.user] = account

    # ---- tokens --------------------------------------------------------------------------------------------------

    def tokens(self, user: str) -> tuple[Token, ...]:
        """The tokens of an account, oldest first. Raises `UnknownUser`."""
        self.account(user)
        return tuple(sorted((t for t in self._tokens.values() if t.user == user), key=lambda token: token.created))

    async def issue(self, user: str, label: str, days: int | None) -> tuple[Secret, Token]:
        """A new token, shown this once. Raises `UnknownUser`."""
        async with self._changing:
            self.account(user)
            secret, now = make_token(self._entropy), self._clock.now()
            token_id = _id_of(secret)
            expires = None if days is None else now + timedelta(days=days)
            token = Token(token_id, user, label, now, expires, _digest(secret))
            await self._store.apply([_put_token(token)])
            self._tokens[token_id] = token
            return secret, token

    async def revoke(self, user: str, token_id: str) -> None:
        """Raises `UnknownUser`."""
        async with self._changing:
            token = self._tokens.get(token_id)
            if token is None or token.user != user:
                raise UnknownUser("there is no such token")
            await self._store.delete(TOKEN_KIND, token_id)
            del self._tokens[token_id]


def make_token(entropy: Entropy) -> Secret:
    """`ID.SECRET`: 64 and 256 random bits in hex."""
    return Secret(f"{entropy.octets(8).hex()}.{entropy.octets(32).hex()}".encode())


def _id_of(token: Secret) -> str:
    return token.reveal().decode("ascii").partition(".")[0]


def _digest(token: Secret) -> bytes:
    return hashlib.sha256(token.reveal()).digest()


def _put_account(account: Account) -> Put:
    row: dict[str, Any] = {
        "role": account.role.value,
        "may_reset": account.may_reset,
        "hashes": [kept.to_row() for kept in account.hashes],
        "last_logout": None if account.last_logout is None else account.last_logout.isoformat(),
        "contact": account.contact,
    }
    return Put(USER_KIND, account.user, row)


def read_account(user: str, row: Mapping[str, Any]) -> Account:
    """The account of a row. Raises `KeyError`, `ValueError`, `TypeError` for a damaged one."""
    left = row["last_logout"]
    hashes = tuple(PasswordHash.from_row(kept) for kept in row["hashes"])
    logout = None if left is None else datetime.fromisoformat(left)
    return Account(user, Role(row["role"]), bool(row["may_reset"]), hashes, logout, str(row.get("contact", "")))


def _put_token(token: Token) -> Put:
    row = {
        "user": token.user,
        "label": token.label,
        "created": token.created.isoformat(),
        "expires": None if token.expires is None else token.expires.isoformat(),
        "hash": b64encode(token.digest).decode(),
    }
    return Put(TOKEN_KIND, token.token_id, row)


def _token(token_id: str, row: Mapping[str, Any]) -> Token:
    expires = None if row["expires"] is None else datetime.fromisoformat(row["expires"])
    created = datetime.fromisoformat(row["created"])
    return Token(token_id, row["user"], row["label"], created, expires, b64decode(row["hash"]))
