"""A CT session with the terminal's administrator account, on the TLS connection that stands (TUC_KON_050, steps 2, 6b).

A change of the session switches all cards off (SICCT 5.10), so they leave the list before and come with new handles
after.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.terminallist import Role, TerminalEntry
from tiaas.terminal.errors import SessionRefused, TerminalError
from tiaas.terminal.front import FrontError
from tiaas.terminal.session import TerminalSession

NO_ACCOUNT = "the terminal's administrator account is not kept: tiaas admin terminal account CT USER"


class AdminSessionHost(Protocol):
    """The list of terminals, as far as this needs it; see `Terminals`."""

    def session(self, ct_id: str) -> TerminalSession:
        """The terminal's commands."""
        ...

    def switched_off(self, entry: TerminalEntry) -> None:
        """Its cards have lost their power."""
        ...

    async def resume(self, entry: TerminalEntry) -> None:
        """Opens the session as user again."""
        ...


@asynccontextmanager
async def admin_session(host: AdminSessionHost, entry: TerminalEntry) -> AsyncIterator[TerminalSession]:
    """The terminal's commands in role Admin; afterwards the user's session is open again.

    Raises `KonnektorError` 4222 (not connected), 4030 (account wrong or not kept), 4028 (connection lost).
    """
    account = entry.config.admin
    if not entry.connected:
        raise KonnektorError(4222)
    if account is None:
        raise KonnektorError(4030, NO_ACCOUNT)
    session = host.session(entry.config.ct_id)
    host.switched_off(entry)
    generation = entry.generation
    try:
        await session.close(entry.session_id)
        entry.session_id = await session.init(account.user, account.password)
    except SessionRefused as refused:
        await host.resume(entry)
        raise KonnektorError(4030) from refused
    except (TerminalError, FrontError) as error:
        await host.resume(entry)
        raise KonnektorError(4028) from error
    entry.role = Role.ADMIN
    try:
        yield session
    finally:
        if entry.generation == generation:
            with suppress(TerminalError, FrontError):
                await session.close(entry.session_id)
            await host.resume(entry)
