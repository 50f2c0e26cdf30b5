"""The base plane: instances made and deleted, also when killed in between (TIP1-A_4820-02)."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.admin.desk import PASSWORD, make_user
from tests.integration.konnektor_front.houses import CLOCK, ENTROPY
from tests.ports import free_port
from tests.unit.konnektor_core.programs import package_of, small_program
from tiaas import __version__
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminAccess, AdminRefused, connect_admin
from tiaas.interfaces.management.accounts import NewAdministrator
from tiaas.interfaces.management.base import (
    Backup,
    BaseLog,
    DeletionConfirmed,
    HostedInstances,
    InstanceMade,
    NewInstance,
    Restored,
)
from tiaas.interfaces.management.infomodel import InfoModelDocument
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.updates import NewProgram, ProgramState, ProgramTaken
from tiaas.konnektor.admin.base import BasePlane
from tiaas.konnektor.admin.users import FirstAdmin, make_token
from tiaas.konnektor.config import Address, InstanceConfig
from tiaas.konnektor.events import Topic
from tiaas.konnektor.instance import Provision
from tiaas.konnektor.issuing import create_ca, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.node import Node
from tiaas.konnektor.program.checks import Own
from tiaas.konnektor.program.folder import ProgramFolder
from tiaas.konnektor.program.update import Audience, ProgramUpdates
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.lab.hersteller import Hersteller
from tiaas.pki.certificate import decode_certificate_untrusted

MARK = "Mandant-Unverwechselbar-4711"


@dataclass(slots=True)
class Hall:
    """A node with its base plane."""

    node: Node
    plane: BasePlane
    access: AdminAccess


async def outfit(wish: NewInstance, first: FirstAdmin, is_new: bool) -> tuple[InstanceConfig, Provision]:
    """A trust space without anchors; ID.SAK.AUT for a new instance only."""
    ca = create_ca("test", CLOCK.now(), ENTROPY)
    sak = issue_server(ca, KeyKind.BRAINPOOL_P256, ("sak",), CLOCK.now(), ENTROPY) if is_new else None
    config = InstanceConfig(wish.name, Address(wish.listen, wish.port), hosts=(wish.listen, *wish.hosts))
    return config, Provision(TrustSpace((), (), ()), sak, first_admin=first)


@asynccontextmanager
async def open_hall(folder: Path, token: Secret, *, two_persons: bool = False) -> AsyncIterator[Hall]:
    store = await SqliteStore.open(folder / "node.sqlite")
    node = Node(store, CLOCK, ENTROPY, logs=folder / "logs")
    try:
        first = FirstAdmin.of("basis", token)
        plane = await BasePlane.load(
            node, store, outfit, first, ("127.0.0.1",), CLOCK, ENTROPY, two_persons=two_persons
        )
        listener = await plane.open(Address("127.0.0.1", 0))
        yield Hall(node, plane, AdminAccess(f"https://{listener.address}", plane.identity.ca_pem().decode(), token))
    finally:
        await node.stop()
        await store.close()


async def make(basis: Admin, name: str = "praxis-x") -> InstanceMade:
    port, admin_port = free_port(), free_port()
    return await basis.change("POST", "/instances", NewInstance(name, "127.0.0.1", port, admin_port), InstanceMade)


def inside(made: InstanceMade) -> AdminAccess:
    return AdminAccess(made.admin_url, made.ca_pem, made.token)


async def fill(made: InstanceMade) -> None:
    async with connect_admin(inside(made)) as chief:
        _, tag = await chief.read_tagged("/infomodel", InfoModelDocument)
        await chief.change("PUT", "/infomodel", InfoModelDocument(mandanten=(MARK,)), if_match=tag)


def traces(folder: Path, octets: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and octets in path.read_bytes()]


@pytest.mark.requirement("TIP1-A_4820-02")
async def test_an_instance_is_made_comes_back_and_is_deleted_with_every_trace(tmp_path: Path) -> None:
    token = make_token(ENTROPY)
    async with open_hall(tmp_path, token) as hall, connect_admin(hall.access) as basis:
        made = await make(basis)
        await fill(made)
    async with open_hall(tmp_path, token) as hall, connect_admin(hall.access) as basis:
        (shown,) = (await basis.read("/instances", HostedInstances)).instances
        assert (shown.name, shown.life.value) == ("praxis-x", "serving")
        async with connect_admin(inside(made)) as chief:
            assert (await chief.read("/infomodel", InfoModelDocument)).mandanten == (MARK,)
        key = hall.node.instances["praxis-x"].identity.server.key_pem().reveal().splitlines()[1]
        assert all(traces(tmp_path, octets) for octets in (MARK.encode(), key))
        await hall.node.instances["praxis-x"].context.protocol.flush()
        assert list((tmp_path / "logs").iterdir())
        await basis.change("POST", "/instances/praxis-x/deletion")
        with pytest.raises(AdminRefused) as refused:
            await basis.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-y"))
        assert refused.value.status == 409
        await basis.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-x"))
        assert (await basis.read("/instances", HostedInstances)).instances == ()
        log = [(entry.user, entry.action, entry.value) for entry in (await basis.read("/log", BaseLog)).entries]
        assert log[0] == ("basis", "instance created", "praxis-x")
        assert log[-1] == ("basis", "instance deleted with all its data and logs", "praxis-x")
        assert [traces(tmp_path, octets) for octets in (MARK.encode(), key)] == [[], []]
        assert not list((tmp_path / "logs").glob("*praxis-x*"))


@pytest.mark.requirement("A_23159")
async def test_who_orders_a_deletion_does_not_execute_it(tmp_path: Path) -> None:
    async with open_hall(tmp_path, make_token(ENTROPY), two_persons=True) as hall, connect_admin(hall.access) as basis:
        await make(basis)
        with pytest.raises(AdminRefused, match="not ordered"):
            await basis.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-x"))
        await basis.change("POST", "/instances/praxis-x/deletion")
        with pytest.raises(AdminRefused, match="who ordered"):
            await basis.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-x"))
        second = await make_user(basis, "second", Role.BASIS)
        access = AdminAccess(hall.access.url, hall.access.ca_pem, second)
        async with connect_admin(access) as other:
            await other.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-x"))
        assert hall.node.instances == {}


async def test_a_name_with_data_in_the_store_is_not_given_to_a_new_instance(tmp_path: Path) -> None:
    """An instance that is just restarted, or did not start, does not run; its data are nobody else's and stay."""
    async with open_hall(tmp_path, make_token(ENTROPY)) as hall, connect_admin(hall.access) as basis:
        await fill(await make(basis))
        await hall.node.remove("praxis-x")
        del hall.plane.book.records["praxis-x"]  # As an instance of the node's start configuration.
        with pytest.raises(AdminRefused) as refused:
            await make(basis)
        assert refused.value.status == 409
        assert hall.node.instances == {}
    assert traces(tmp_path, MARK.encode())


async def test_an_order_neither_comes_nor_goes_while_the_instance_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hall(tmp_path, make_token(ENTROPY)) as hall, connect_admin(hall.access) as basis:
        await make(basis)
        await basis.change("POST", "/instances/praxis-x/deletion")
        begun, go_on, erase = asyncio.Event(), asyncio.Event(), hall.node.erase

        async def slowly(name: str) -> None:
            begun.set()
            await go_on.wait()
            await erase(name)

        monkeypatch.setattr(hall.node, "erase", slowly)
        deleting = asyncio.create_task(hall.plane.book.delete("praxis-x", "basis"))
        await begun.wait()
        for method in ("DELETE", "POST"):
            with pytest.raises(AdminRefused) as refused:
                await basis.change(method, "/instances/praxis-x/deletion")
            assert refused.value.status == 409
        go_on.set()
        await deleting
        assert hall.plane.book.records == {}


async def test_entries_of_the_base_log_written_at_once_are_all_kept(tmp_path: Path) -> None:
    token = make_token(ENTROPY)
    async with open_hall(tmp_path, token) as hall:
        await asyncio.gather(*(hall.plane.book.note("basis", "tried", str(number)) for number in range(5)))
    async with open_hall(tmp_path, token) as hall:
        assert sorted(entry.value for entry in hall.plane.book.log if entry.action == "tried") == list("01234")


@pytest.mark.requirement("TIP1-A_4832-03", "TIP1-A_4820-02")
async def test_the_program_of_several_instances_is_replaced_by_whoever_runs_the_node(tmp_path: Path) -> None:
    async with open_hall(tmp_path, make_token(ENTROPY)) as hall, connect_admin(hall.access) as basis:
        with pytest.raises(AdminRefused, match="not replaced by packages"):
            await basis.read("/program", ProgramState)
        hersteller, node, restarts = Hersteller.create(CLOCK, ENTROPY), hall.node, list[None]()
        node.programs = ProgramUpdates(
            ProgramFolder(tmp_path / "program", __version__, is_installed=True),
            (decode_certificate_untrusted(hersteller.ca),),
            Own("TIAAS", "TIAAS", "1.0.0"),
            tmp_path / "node.sqlite",
            lambda: [Audience(each.context.hub, each.config.hostname) for each in node.instances.values()],
            lambda: restarts.append(None),
            CLOCK,
        )
        wish = NewProgram(package_of(small_program("0.2.0"), "0.2.0", hersteller))
        both, told = [await make(basis), await make(basis, "praxis-y")], list[str]()
        for instance in node.instances.values():
            instance.context.hub.subscribe(lambda event: told.append(str(event.topic)), Topic.KSR_UPDATE_START)
        for made in both:
            async with connect_admin(inside(made)) as chief:
                with pytest.raises(AdminRefused, match="serves other instances") as refused:
                    await chief.change("POST", "/updates/package", wish, ProgramTaken)
                assert refused.value.status == 409
                with pytest.raises(AdminRefused, match="serves other instances"):
                    await chief.change("POST", "/updates/apply", kind=ProgramTaken)
        assert (told, restarts) == ([], [])
        assert (await basis.change("POST", "/program", wish, ProgramTaken)).version == "0.2.0"
        assert (told, restarts) == (["KSR/UPDATE/START"] * 2, [None])
        state = await basis.read("/program", ProgramState)
        assert (state.version, state.step, state.group) == (__version__, "restart", "00001")
        with pytest.raises(AdminRefused, match="under way"):
            await basis.change("POST", "/program", wish, ProgramTaken)


@pytest.mark.requirement("A_23258", "A_22041")
async def test_the_planes_exclude_each_other(tmp_path: Path) -> None:
    async with open_hall(tmp_path, make_token(ENTROPY)) as hall, connect_admin(hall.access) as basis:
        made = await make(basis)
        for url, ca, token in (
            (made.admin_url, made.ca_pem, hall.access.token),
            (hall.access.url, hall.access.ca_pem, made.token),
        ):
            async with connect_admin(AdminAccess(url, ca, token)) as stranger:
                with pytest.raises(AdminRefused) as refused:
                    await stranger.exchange("GET", "/session")
                assert refused.value.status == 401
        with pytest.raises(AdminRefused, match="on this plane"):
            await basis.change("POST", "/administrators", NewAdministrator("x", PASSWORD, Role.SUPER))
        async with connect_admin(inside(made)) as chief:
            with pytest.raises(AdminRefused, match="on this plane"):
                await chief.change("POST", "/administrators", NewAdministrator("x", PASSWORD, Role.BASIS))


@pytest.mark.requirement("A_23395")
async def test_a_backup_brings_an_instance_back_and_opens_on_this_node_only(tmp_path: Path) -> None:
    async with open_hall(tmp_path, make_token(ENTROPY)) as hall, connect_admin(hall.access) as basis:
        made = await make(basis)
        await fill(made)
        backup = await basis.change("POST", "/instances/praxis-x/backup", kind=Backup)
        assert MARK.encode() not in backup.file
        async with connect_admin(inside(made)) as chief:
            _, tag = await chief.read_tagged("/infomodel", InfoModelDocument)
            await chief.change("PUT", "/infomodel", InfoModelDocument(), if_match=tag)
        await basis.change("POST", "/instances/praxis-x/restore", backup, Restored)
        async with connect_admin(inside(made)) as chief:
            assert (await chief.read("/infomodel", InfoModelDocument)).mandanten == (MARK,)
        await hall.node.remove("praxis-x")
        await basis.change("POST", "/instances/praxis-x/restore", backup, Restored)
        async with connect_admin(inside(made)) as chief:
            assert (await chief.read("/infomodel", InfoModelDocument)).mandanten == (MARK,)
        other = await make(basis, "praxis-y")
        with pytest.raises(AdminRefused, match="another instance"):
            await basis.change("POST", "/instances/praxis-y/restore", backup)
        assert other.name in hall.node.instances


_CHILD = """
import asyncio, sys
from pathlib import Path
from tests.integration.admin import test_base as t
from tests.ports import free_port
from tiaas.base.secret import Secret
from tiaas.client.admin import connect_admin
from tiaas.interfaces.management.base import DeletionConfirmed

async def main():
    folder, token = Path(sys.argv[1]), Secret(sys.argv[2].encode())
    async with t.open_hall(folder, token) as hall, connect_admin(hall.access) as basis:
        made = await t.make(basis)
        await t.fill(made)
        await basis.change("POST", "/instances/praxis-x/deletion")
        print("now", flush=True)
        await basis.change("POST", "/instances/praxis-x/deletion/execute", DeletionConfirmed("praxis-x"))
        print("done", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.requirement("TIP1-A_4820-02")
@pytest.mark.parametrize("milliseconds", [2, 25])
async def test_a_deletion_that_was_killed_is_finished_or_was_never_begun(tmp_path: Path, milliseconds: int) -> None:
    token = make_token(ENTROPY)
    command = [sys.executable, "-c", _CHILD, str(tmp_path), token.reveal().decode()]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == "now\n"
    await asyncio.sleep(milliseconds / 1000)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    async with open_hall(tmp_path, token) as hall, connect_admin(hall.access) as basis:
        lives = {each.name: each.life.value for each in (await basis.read("/instances", HostedInstances)).instances}
        if lives:
            assert lives == {"praxis-x": "deletion ordered"}
            assert "praxis-x" in hall.node.instances
        else:
            assert traces(tmp_path, MARK.encode()) == []
            actions = [entry.action for entry in (await basis.read("/log", BaseLog)).entries]
            assert actions[-1].startswith(("deletion finished", "instance deleted"))
