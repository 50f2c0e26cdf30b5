"""Administrators, logins, tokens: over TLS, with the typed client (gemSpec_Kon V5.18 TIP1-A_4810, TIP1-A_5005)."""

import asyncio
import io
from pathlib import Path

import pytest

from tests.integration.admin.desk import PASSWORD, Desk, first_provision, make_user
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.base.secret import Secret
from tiaas.cli.entry import main
from tiaas.client.admin import Admin, AdminAccess, AdminRefused, connect_admin
from tiaas.interfaces.management.accounts import (
    AdministratorChange,
    AdministratorList,
    Login,
    NewAdministrator,
    NewPassword,
    SecurityNews,
    SessionOpened,
    SessionState,
    TokenList,
)
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import SystemState
from tiaas.konnektor.admin import loginbrake
from tiaas.konnektor.admin.loginfailures import TOLD_ONE_BY_ONE
from tiaas.konnektor.admin.users import LOCK_AFTER, make_token
from tiaas.konnektor.config import Address, InstanceConfig
from tiaas.konnektor.protocol import Level, LogType

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.requirement("TIP1-A_4810")
async def test_the_first_administrator_is_a_super_administrator_and_cannot_be_the_last_to_go(
    desk: Desk, chief: Admin
) -> None:
    shown = {
        entry.user: entry.role for entry in (await chief.read("/administrators", AdministratorList)).administrators
    }
    assert shown["first"] is Role.SUPER
    for method, document in (("DELETE", None), ("PATCH", AdministratorChange(Role.LOKAL))):
        with pytest.raises(AdminRefused) as refused:
            await chief.change(method, "/administrators/first", document)
        assert refused.value.status == 409
        assert "Super-Administrator" in refused.value.detail


async def test_a_login_gives_a_session_that_a_logout_ends(desk: Desk) -> None:
    async with connect_admin(desk.access(None)) as nobody:
        opened = await nobody.change("POST", "/session", Login("lokal", PASSWORD), SessionOpened)
        nobody.token = opened.token
        assert await nobody.read("/session", SessionState) == SessionState("lokal", Role.LOKAL, False)
        await nobody.change("DELETE", "/session")
        with pytest.raises(AdminRefused) as refused:
            await nobody.read("/session", SessionState)
        assert refused.value.status == 401


@pytest.mark.requirement("TIP1-A_4996")
async def test_after_login_an_administrator_is_told_of_security_entries_since_the_last_logout(
    desk: Desk, chief: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await make_user(chief, "returning", Role.LOKAL)
    protocol = desk.instance.context.protocol

    def write(text: str) -> None:
        desk.clock.advance(1)
        protocol.write(LogType.SECURITY, Level.WARNING, text=text)
        desk.clock.advance(1)

    async def visit() -> SecurityNews:
        async with connect_admin(desk.access(None)) as nobody:
            opened = await nobody.change("POST", "/session", Login("returning", PASSWORD), SessionOpened)
            nobody.token = opened.token
            await nobody.change("DELETE", "/session")
        assert opened.security is not None
        return opened.security

    write("before the first visit")
    first = await visit()
    assert first.since is None
    assert first.newest[0].text == "before the first visit"
    desk.clock.advance(1)
    assert (await visit()).entries == 0
    for number in range(25):
        write(f"while away {number}")
    news = await visit()
    assert news.since is not None
    assert (news.entries, len(news.newest), news.newest[0].text) == (25, 20, "while away 24")
    # The same on the command line.
    write("while away again")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(desk.instance.identity.ca_pem())
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD.reveal().decode() + "\n"))
    url = desk.access(None).url
    arguments = ["admin", "state", "--url", url, "--ca", str(ca), "--user", "returning"]
    assert await asyncio.to_thread(main, arguments) == 0
    told = capsys.readouterr().err
    assert "security log: 1 new entry since your logout at " in told
    assert told.rstrip().endswith("Warning: while away again")


async def test_wrong_passwords_lock_an_account_for_a_while_and_are_told_to_the_security_log(
    desk: Desk, chief: Admin
) -> None:
    await make_user(chief, "clumsy", Role.LOKAL)
    desk.events.clear()
    async with connect_admin(desk.access(None)) as nobody:
        for _ in range(LOCK_AFTER):
            with pytest.raises(AdminRefused) as refused:
                await nobody.change("POST", "/session", Login("clumsy", Secret(b"wrong")), SessionOpened)
            assert refused.value.status == 401
        with pytest.raises(AdminRefused) as locked:
            await nobody.change("POST", "/session", Login("clumsy", PASSWORD), SessionOpened)
        assert locked.value.status == 429
        desk.clock.advance(15 * 60)
        await nobody.change("POST", "/session", Login("clumsy", PASSWORD), SessionOpened)
    results = [dict(event.parameters)["Result"] for event in desk.events]
    assert results == ["refused"] * LOCK_AFTER + ["locked"]
    assert {event.kind.value for event in desk.events} == {"Security"}


async def test_an_address_that_fails_at_many_instances_is_refused_at_all(
    desk: Desk, chief: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account and each instance hears of a few wrong passwords only; the node counts them together."""
    monkeypatch.setattr(loginbrake, "FAILURES_MAX", 4)
    await make_user(chief, "careful", Role.LOKAL)
    address = Address("127.0.0.1", 0)
    second = InstanceConfig("b", address, hosts=("127.0.0.1",))
    other = await desk.node.add(second, first_provision(make_token(ENTROPY)))
    await desk.node.manage("b", address)
    door = desk.node.admin_address("b")
    elsewhere = AdminAccess(f"https://{door}", other.identity.ca_pem().decode(), None)
    async with connect_admin(desk.access(None)) as here, connect_admin(elsewhere) as there:
        for number in range(4):
            with pytest.raises(AdminRefused) as refused:
                await (here, there)[number % 2].change("POST", "/session", Login(f"user-{number}", PASSWORD))
            assert refused.value.status == 401
        for nobody in (here, there):
            with pytest.raises(AdminRefused, match="from this address") as braked:
                await nobody.change("POST", "/session", Login("careful", PASSWORD), SessionOpened)
            assert braked.value.status == 429
        await chief.read("/system", SystemState)
        desk.clock.advance(loginbrake.QUIET_SECONDS)
        await here.change("POST", "/session", Login("careful", PASSWORD), SessionOpened)


async def test_a_stranger_who_tries_on_does_not_fill_the_security_log(desk: Desk, chief: Admin) -> None:
    """The log holds so many entries; who may not enter must not push out what stands in it."""
    await make_user(chief, "target", Role.LOKAL)
    desk.clock.advance(61)
    desk.events.clear()
    async with connect_admin(desk.access(None)) as nobody:
        for _ in range(LOCK_AFTER + 3 * TOLD_ONE_BY_ONE):
            with pytest.raises(AdminRefused):
                await nobody.change("POST", "/session", Login("target", Secret(b"wrong")), SessionOpened)
        told = [dict(event.parameters) for event in desk.events]
        assert [each["Result"] for each in told] == ["refused"] * LOCK_AFTER + ["locked"] * TOLD_ONE_BY_ONE
        assert {each["Peer"] for each in told} == {"127.0.0.1"}
        desk.clock.advance(61)
        desk.events.clear()
        with pytest.raises(AdminRefused):
            await nobody.change("POST", "/session", Login("target", Secret(b"wrong")), SessionOpened)
        assert [dict(event.parameters).get("Count") for event in desk.events] == [str(2 * TOLD_ONE_BY_ONE + 1)]


@pytest.mark.requirement("TIP1-A_5005")
async def test_a_change_is_logged_with_user_and_value_and_without_the_secret(desk: Desk, chief: Admin) -> None:
    desk.events.clear()
    new = NewAdministrator("logged", PASSWORD, Role.REMOTE)
    await chief.change("POST", "/administrators", new)
    (change,) = desk.changes()
    assert change["User"] == "first"
    assert change["RefID"] == "POST /administrators"
    assert '"user":"logged"' in change["NewVal"]
    assert PASSWORD.reveal().decode() not in str(desk.events[0].parameters)
    assert desk.events[0].deliver is False


async def test_a_reading_call_and_a_refused_one_change_nothing_in_the_log(desk: Desk, chief: Admin) -> None:
    desk.events.clear()
    await chief.read("/administrators", AdministratorList)
    with pytest.raises(AdminRefused):
        await chief.change("POST", "/administrators", NewAdministrator("weak", Secret(b"aaaaaaaaaaaa"), Role.LOKAL))
    assert desk.events == []


async def test_a_password_is_changed_with_the_one_in_force_and_never_to_an_earlier_one(
    desk: Desk, chief: Admin
) -> None:
    token = await make_user(chief, "own", Role.LOKAL)
    async with connect_admin(desk.access(token=token)) as own:
        path = "/administrators/own/password"
        other = Secret(b"Battery-Staple-8")
        for document, status in (
            (NewPassword(other), 403),
            (NewPassword(other, Secret(b"wrong")), 401),
            (NewPassword(PASSWORD, PASSWORD), 422),
        ):
            with pytest.raises(AdminRefused) as refused:
                await own.change("PUT", path, document)
            assert refused.value.status == status
        await own.change("PUT", path, NewPassword(other, PASSWORD))
        with pytest.raises(AdminRefused) as refused:
            await own.change("PUT", "/administrators/first/password", NewPassword(other))
        assert refused.value.status == 403


async def test_a_token_ends_when_it_is_revoked(desk: Desk, chief: Admin) -> None:
    token = await make_user(chief, "program", Role.REMOTE)
    async with connect_admin(desk.access(token=token)) as program:
        assert (await program.read("/session", SessionState)).user == "program"
        (entry,) = (await chief.read("/administrators/program/tokens", TokenList)).tokens
        await chief.change("DELETE", f"/administrators/program/tokens/{entry.token_id}")
        with pytest.raises(AdminRefused) as refused:
            await program.read("/session", SessionState)
        assert refused.value.status == 401
