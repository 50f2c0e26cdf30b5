"""Login, administrators and their tokens: the same routes on both planes (TIP1-A_4810)."""

from collections.abc import Sequence
from http import HTTPStatus

from tiaas.base.secret import Secret
from tiaas.interfaces.management.accounts import (
    Administrator,
    AdministratorChange,
    AdministratorList,
    IssuedToken,
    Login,
    NewAdministrator,
    NewContact,
    NewPassword,
    NewToken,
    SessionOpened,
    SessionState,
    TokenEntry,
    TokenList,
)
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.problems import Problem, conflict, not_found
from tiaas.konnektor.admin.routes import Call, Route, delete, get, patch, post, put
from tiaas.konnektor.admin.users import Account, LastAdministrator, LockedOut, LoginRefused, Token, UnknownUser


def account_routes(everybody: frozenset[Role], chief: frozenset[Role]) -> tuple[Route, ...]:
    """The rows of a plane with these roles; `chief` manages the accounts."""
    user, tokens = "/administrators/{user}", "/administrators/{user}/tokens"
    return (
        post("/session", frozenset(), "Logs in", _login, request=Login, response=SessionOpened, changes=False),
        get("/session", everybody, "Who the caller is", _who, SessionState),
        delete("/session", everybody, "Logs out", _logout, changes=False),
        get("/administrators", chief, "All administrators", _list, AdministratorList),
        post(
            "/administrators",
            chief,
            "Makes an administrator",
            _add,
            request=NewAdministrator,
            response=Administrator,
            status=HTTPStatus.CREATED,
        ),
        get(user, chief, "One administrator", _one, Administrator),
        patch(user, chief, "Changes role or rights", _change, request=AdministratorChange, response=Administrator),
        delete(user, chief, "Removes an administrator with all tokens", _remove),
        put(f"{user}/password", everybody, "Sets a password: one's own, or anybody's", _password, request=NewPassword),
        put(f"{user}/contact", everybody, "Sets contact data: one's own, or anybody's", _contact, request=NewContact),
        get(tokens, chief, "The tokens of an administrator", _tokens, TokenList),
        post(
            tokens,
            chief,
            "Makes a token; it is shown this once",
            _issue,
            request=NewToken,
            response=IssuedToken,
            status=HTTPStatus.CREATED,
        ),
        delete(f"{tokens}/{{token_id}}", chief, "Revokes a token", _revoke),
    )


async def _login(call: Call) -> SessionOpened:
    login = call.body(Login)
    await _verify(call, login.user, login.password)
    token, caller = call.plane.users.open_session(login.user)
    news = await call.plane.security_news(call.plane.users.account(caller.user).last_logout)
    return SessionOpened(token, caller.user, caller.role, news)


async def _verify(call: Call, user: str, password: Secret) -> None:
    """Raises 401 or 429; both are told to the security log."""
    left = call.plane.login_brake.wait(call.peer)
    if left:
        await call.plane.login_failed(user, call.peer, locked=True)
        headers = {"retry-after": str(max(1, round(left)))}
        detail, remedy = "too many logins from this address failed", "wait, or use a token"
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, remedy, headers=headers)
    try:
        await call.plane.users.verify(user, password)
    except LoginRefused as error:
        call.plane.login_brake.failed(call.peer)
        await call.plane.login_failed(user, call.peer, locked=False)
        headers = {"www-authenticate": "Bearer"}
        remedy = "try again, or have a new password set"
        raise Problem(HTTPStatus.UNAUTHORIZED, str(error), remedy, headers=headers) from None
    except LockedOut as error:
        call.plane.login_brake.failed(call.peer)
        await call.plane.login_failed(user, call.peer, locked=True)
        left = max(1, round((error.until - call.plane.clock.now()).total_seconds()))
        remedy = "wait, or have a new password set by another administrator"
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), remedy, headers={"retry-after": str(left)}) from None


async def _who(call: Call) -> SessionState:
    caller = call.caller
    assert caller.role is not None  # noqa: S101 - the row has roles
    contact = call.plane.users.account(caller.user).contact
    return SessionState(caller.user, caller.role, caller.may_reset, contact)


async def _logout(call: Call) -> None:
    await call.plane.users.logout(call.caller)


async def _list(call: Call) -> AdministratorList:
    return AdministratorList(tuple(_shown(call, account) for account in call.plane.users.accounts()))


async def _one(call: Call) -> Administrator:
    return _shown(call, _account(call))


async def _add(call: Call) -> Administrator:
    new = call.body(NewAdministrator)
    _require_plane(call, new.role)
    account = await call.plane.users.add(new.user, new.password, new.role, may_reset=new.may_reset, contact=new.contact)
    return _shown(call, account)


async def _change(call: Call) -> Administrator:
    change = call.body(AdministratorChange)
    user = _account(call).user
    if change.role is not None:
        _require_plane(call, change.role)
    try:
        return _shown(call, await call.plane.users.change(user, change.role, change.may_reset))
    except LastAdministrator as error:
        raise conflict(str(error), "make another one first") from None


async def _remove(call: Call) -> None:
    try:
        await call.plane.users.remove(_account(call).user)
    except LastAdministrator as error:
        raise conflict(str(error), "make another one first") from None


def _own_or_any(call: Call, what: str) -> Account:
    """The account of the path: the caller's own, or with the highest role anybody's."""
    users, caller = call.plane.users, call.caller
    if call.path["user"] != caller.user and caller.role is not users.highest:
        raise Problem(HTTPStatus.FORBIDDEN, f"{what} of somebody else", f"ask a {users.highest}")
    return _account(call)


async def _contact(call: Call) -> None:
    """TAB_KON_655 and TAB_KON_656."""
    account = _own_or_any(call, "these are the contact data")
    await call.plane.users.set_contact(account.user, call.body(NewContact).contact)


async def _password(call: Call) -> None:
    new, caller = call.body(NewPassword), call.caller
    account = _own_or_any(call, "this is the password")
    if account.user == caller.user and account.hashes:
        if new.current is None:
            raise Problem(HTTPStatus.FORBIDDEN, "the password in force is missing", "send it as current")
        await _verify(call, caller.user, new.current)
    await call.plane.users.set_password(account.user, new.password)


async def _tokens(call: Call) -> TokenList:
    tokens: Sequence[Token] = call.plane.users.tokens(_account(call).user)
    return TokenList(tuple(TokenEntry(t.token_id, t.label, t.created, t.expires) for t in tokens))


async def _issue(call: Call) -> IssuedToken:
    new = call.body(NewToken)
    secret, token = await call.plane.users.issue(_account(call).user, new.label, new.days)
    return IssuedToken(secret, token.token_id, token.expires)


async def _revoke(call: Call) -> None:
    try:
        await call.plane.users.revoke(_account(call).user, call.path["token_id"])
    except UnknownUser:
        raise not_found("such token") from None


def _account(call: Call) -> Account:
    try:
        account: Account = call.plane.users.account(call.path["user"])
    except UnknownUser:
        raise not_found("such administrator") from None
    return account


def _shown(call: Call, account: Account) -> Administrator:
    return Administrator(
        account.user,
        account.role,
        account.may_reset,
        bool(account.hashes),
        call.plane.users.is_locked(account.user),
        account.last_logout,
        account.contact,
    )


def _require_plane(call: Call, role: Role) -> None:
    """A_23258: the planes exclude each other."""
    if (role is Role.BASIS) is not (call.plane.users.highest is Role.BASIS):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"there is no {role} on this plane", "use a role of this plane")
