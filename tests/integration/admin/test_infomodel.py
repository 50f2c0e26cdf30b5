"""The information model through the management interface (gemSpec_Kon V5.18 §4.1.1, TAB_KON_507, 509, 510)."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.admin.desk import Desk
from tiaas.client.admin import Admin, AdminRefused, connect_admin
from tiaas.interfaces.management.documents import decode_untrusted
from tiaas.interfaces.management.infomodel import (
    ClientSystemDocument,
    InfoModelDocument,
    ManagedSmbDocument,
    MandantDocument,
    ModelTerminal,
    WorkplaceDocument,
)
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor import infomodel
from tiaas.konnektor.admin import app
from tiaas.konnektor.admin import infomodel as infomodel_routes
from tiaas.konnektor.infomodel import InfoModel

pytestmark = pytest.mark.asyncio(loop_scope="module")

ICCSN = "80276001990000000017"
WHOLE = InfoModelDocument(
    mandanten=("m", "n"),
    client_systems=("cs",),
    workplaces=("ap",),
    terminals=(ModelTerminal("ct"), ModelTerminal("far")),
    managed_smbs=(ManagedSmbDocument(ICCSN),),
    mandant_clients=(("m", "cs"),),
    mandant_workplaces=(("m", "ap"),),
    mandant_terminals=(("m", "ct"), ("m", "far")),
    local_terminals=(("ap", "ct"),),
    remote_terminals=(("ap", "far"),),
    mandant_smbs=(("m", ICCSN),),
    cs_ap=(("m", "cs", "ap"),),
    remote_pin_terminals=(("m", "ap", "ct"),),
)


async def _put(admin: Admin, document: InfoModelDocument) -> None:
    _, tag = await admin.read_tagged("/infomodel", InfoModelDocument)
    await admin.change("PUT", "/infomodel", document, if_match=tag)


@pytest.mark.requirement("TIP1-A_4523")
async def test_the_whole_is_written_and_read_and_counts_at_once(desk: Desk, chief: Admin) -> None:
    await _put(chief, WHOLE)
    assert await chief.read("/infomodel", InfoModelDocument) == WHOLE
    model = desk.instance.model.current
    assert model.is_local("ap", "ct")
    assert model.remote_pin_terminal("m", "ap") == "ct"


@pytest.mark.requirement("TIP1-A_4523")
@pytest.mark.requirement("TIP1-A_4526")
async def test_entities_and_links_are_added_and_removed_one_by_one(chief: Admin) -> None:
    await _put(chief, InfoModelDocument())
    await chief.change("POST", "/infomodel/mandanten", MandantDocument("m/ü"))
    await chief.change("POST", "/infomodel/client-systems", ClientSystemDocument("cs"))
    await chief.change("POST", "/infomodel/workplaces", WorkplaceDocument("ap"))
    await chief.change("POST", "/infomodel/terminals", ModelTerminal("ct", (1,)))
    await chief.change("POST", "/infomodel/managed-smbs", ManagedSmbDocument(ICCSN, is_hsm=True))
    await chief.change("PUT", "/infomodel/terminals/ct", ModelTerminal("ct", (1, 2)))
    for path in (
        "mandant-clients/m%2F%C3%BC/cs",
        "mandant-workplaces/m%2F%C3%BC/ap",
        "cs-ap/m%2F%C3%BC/cs/ap",
        f"mandant-smbs/m%2F%C3%BC/{ICCSN}",
    ):
        await chief.change("PUT", f"/infomodel/{path}")
    read = await chief.read("/infomodel", InfoModelDocument)
    assert read.cs_ap == (("m/ü", "cs", "ap"),)
    assert read.terminals == (ModelTerminal("ct", (1, 2)),)
    await chief.change("DELETE", "/infomodel/cs-ap/m%2F%C3%BC/cs/ap")
    await chief.change("DELETE", "/infomodel/client-systems/cs")
    read = await chief.read("/infomodel", InfoModelDocument)
    assert (read.client_systems, read.mandant_clients) == ((), ())
    assert read.mandant_smbs == (("m/ü", ICCSN),)


@pytest.mark.requirement("TIP1-A_4523")
@pytest.mark.parametrize(
    ("method", "path", "document", "status", "constraint"),
    [
        ("POST", "mandanten", MandantDocument("m"), 409, "C8"),
        ("POST", "client-systems", ClientSystemDocument("cs"), 409, "C7"),
        ("POST", "workplaces", WorkplaceDocument("ap"), 409, "C9"),
        ("POST", "terminals", ModelTerminal("ct"), 409, "C10"),
        ("POST", "managed-smbs", ManagedSmbDocument(ICCSN), 409, "C5"),
        ("POST", "terminals", ModelTerminal("double", (1, 1)), 409, "C11"),
        ("PUT", "cs-ap/n/cs/ap", None, 409, "C12"),
        ("PUT", "remote-pin-terminals/n/ap/ct", None, 409, "C13"),
        ("PUT", "remote-pin-terminals/m/ap/far", None, 409, "C14"),
        ("PUT", "mandant-clients/m/unknown", None, 409, "REFERENCE"),
        ("DELETE", "mandant-clients/m/cs", None, 409, "C12"),
        ("DELETE", "mandanten/unknown", None, 404, "no such entity"),
    ],
)
async def test_a_change_that_breaks_a_constraint_names_it_and_changes_nothing(
    chief: Admin, method: str, path: str, document: object, status: int, constraint: str
) -> None:
    await _put(chief, WHOLE)
    with pytest.raises(AdminRefused) as refused:
        await chief.change(method, f"/infomodel/{path}", document)
    assert refused.value.status == status
    assert constraint in refused.value.detail
    assert refused.value.remedy
    assert await chief.read("/infomodel", InfoModelDocument) == WHOLE


async def test_a_second_remote_pin_terminal_of_a_workplace_is_refused(chief: Admin) -> None:
    await _put(chief, WHOLE)
    await chief.change("DELETE", "/infomodel/remote-terminals/ap/far")
    await chief.change("PUT", "/infomodel/local-terminals/ap/far")
    with pytest.raises(AdminRefused, match="C15"):
        await chief.change("PUT", "/infomodel/remote-pin-terminals/m/ap/far")


async def test_of_two_administrators_who_change_what_they_read_one_is_told(desk: Desk, chief: Admin) -> None:
    await _put(chief, WHOLE)
    async with connect_admin(desk.access(Role.LOKAL)) as other:
        (mine, my_tag), (theirs, their_tag) = await asyncio.gather(
            chief.read_tagged("/infomodel", InfoModelDocument), other.read_tagged("/infomodel", InfoModelDocument)
        )
        results = await asyncio.gather(
            chief.exchange("PUT", "/infomodel", InfoModelDocument(mandanten=("mine",)), if_match=my_tag),
            other.exchange("PUT", "/infomodel", InfoModelDocument(mandanten=("theirs",)), if_match=their_tag),
            return_exceptions=True,
        )
    assert mine == theirs
    (refused,) = [result for result in results if isinstance(result, AdminRefused)]
    assert refused.status == 412
    assert len((await chief.read("/infomodel", InfoModelDocument)).mandanten) == 1
    with pytest.raises(AdminRefused) as blind:
        await chief.change("PUT", "/infomodel", WHOLE)
    assert blind.value.status == 428


@pytest.mark.requirement("TIP1-A_5005", "TIP1-A_4710")
async def test_the_log_of_a_change_has_no_iccsn(desk: Desk, chief: Admin) -> None:
    await _put(chief, InfoModelDocument(mandanten=("m",)))
    desk.events.clear()
    await chief.change("POST", "/infomodel/managed-smbs", ManagedSmbDocument(ICCSN))
    await chief.change("PUT", f"/infomodel/mandant-smbs/m/{ICCSN}")
    await chief.change("DELETE", f"/infomodel/managed-smbs/{ICCSN}")
    await _put(chief, WHOLE)
    assert len(desk.changes()) == 4
    assert ICCSN not in str(desk.changes())
    assert desk.changes()[1]["RefID"] == "PUT /infomodel/mandant-smbs/m/{iccsn}"


async def test_a_large_model_is_checked_a_few_times_and_not_in_the_loop_of_all_instances(
    chief: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    checks: list[InfoModel] = []

    def seen(work: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any) -> Any:
            threads.append(threading.current_thread().name)
            return work(*args)

        return told

    check = infomodel._check

    def counted(model: InfoModel) -> None:
        checks.append(model)
        check(model)

    monkeypatch.setattr(app, "decode_untrusted", seen(decode_untrusted))
    monkeypatch.setattr(infomodel_routes, "_model", seen(infomodel_routes._model))
    monkeypatch.setattr(infomodel, "_check", counted)
    names = tuple(f"a-mandant-of-many-{number}" for number in range(3000))
    await _put(chief, InfoModelDocument(mandanten=names))
    assert (await chief.read("/infomodel", InfoModelDocument)).mandanten == tuple(sorted(names))
    assert len(threads) == 2
    assert threading.current_thread().name not in threads
    assert len(checks) < 5
    await _put(chief, InfoModelDocument())
