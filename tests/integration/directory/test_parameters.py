"""Parameters that change what clients, cards and name servers see, set by an administrator and seen by their effect."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.admin.test_names import HOST, NameServer
from tests.integration.directory.test_proxy import ldapsearch
from tests.integration.lab.labprocess import LabProcess
from tiaas.base.secret import Secret
from tiaas.client import KonnektorFault, connect, load_kon
from tiaas.client.admin import Admin, AdminAccess, connect_admin
from tiaas.client.errors import ClientError
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.management.parameters import Parameters, ReceiptSecret
from tiaas.interfaces.management.system import Reachability, ReachabilityTest, SystemState

PRACTICE = 2
UNREACHABLE = (254, 255)
"""What OpenLDAP's client gives when the connection ends without an answer."""


@asynccontextmanager
async def _admin(ready: dict[str, Any]) -> AsyncIterator[Admin]:
    entry = ready["instances"][PRACTICE - 1]["admin"]
    token = Secret(entry["token"].encode())
    async with connect_admin(AdminAccess(entry["url"], Path(entry["ca"]).read_text(), token)) as admin:
        yield admin


async def _set(lab: LabProcess, parameters: Parameters, secret: ReceiptSecret | None) -> None:
    """Sets what an administrator may, restarts the instance and unlocks its SMC-B."""
    async with _admin(lab.ready) as admin:
        await admin.change("PUT", "/parameters", parameters)
        path = "/parameters/receipt-secret"
        await (admin.change("DELETE", path) if secret is None else admin.change("PUT", path, secret))
        before = (await admin.read("/system", SystemState)).serves_since
        await admin.change("POST", "/system/restart")
    async with asyncio.timeout(30):
        while not await _serves_again(lab, before):  # noqa: ASYNC110 (what is waited for has no event of its own)
            await asyncio.sleep(0.05)
    async with connect(load_kon(Path(lab.ready["instances"][PRACTICE - 1]["kon_file"]), os.environ)) as konnektor:
        (smcb,) = await konnektor.get_cards(CardType.SMC_B)
        await konnektor.verify_pin(smcb.card_handle, "PIN.SMC")


async def _serves_again(lab: LabProcess, before: object) -> bool:
    try:
        async with _admin(lab.ready) as admin:
            state = await admin.read("/system", SystemState)
    except ClientError:
        return False
    return state.serves_since not in (None, before) and not state.restart_needed


async def _receipt(lab: LabProcess, *, online: bool) -> bytes | int | None:
    """The receipt that ReadVSD gives, or the code of its refusal."""
    async with connect(load_kon(Path(lab.ready["instances"][PRACTICE - 1]["kon_file"]), os.environ)) as konnektor:
        cards = {card.card_type: card.card_handle for card in await konnektor.get_cards()}
        try:
            return (await konnektor.read_vsd(cards[CardType.EGK], cards[CardType.SMC_B], online, True)).receipt
        except KonnektorFault as fault:
            return fault.trace[-1].code


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    started = NameServer({HOST: ("127.0.0.1",)})
    await started.start()
    yield started
    started.transport.close()


@pytest.mark.requirement("A_21224-01", "VSDM-A_2776")
@pytest.mark.code(3039)
async def test_client_authentication_name_servers_and_the_secret_of_receipts_take_effect(
    lab: LabProcess, server: NameServer
) -> None:
    address = "{}:{}".format(*server.transport.get_extra_info("sockname"))
    made = await _receipt(lab, online=True)
    assert await _receipt(lab, online=False) == made
    assert ldapsearch(lab, "(entryType=5)", number=PRACTICE, identity=0)[0] in UNREACHABLE

    wish = Parameters(ldap_authentication=False, name_servers=(address,))
    await _set(lab, wish, ReceiptSecret(os.urandom(32)))
    assert ldapsearch(lab, "(entryType=5)", number=PRACTICE, identity=0)[0] == 0
    port = int(lab.ready["instances"][PRACTICE - 1]["konnektor"]["url"].rpartition(":")[2].partition("/")[0])
    async with _admin(lab.ready) as admin:
        test = ReachabilityTest(HOST, port)
        assert (await admin.change("POST", "/system/reachability", test, Reachability)).is_reachable
    assert server.asked == [HOST]
    assert await _receipt(lab, online=False) == 3039, "it is made with another key than those from now on"
    again = await _receipt(lab, online=True)
    assert await _receipt(lab, online=False) == again != made

    await _set(lab, Parameters(), None)
    assert ldapsearch(lab, "(entryType=5)", number=PRACTICE, identity=0)[0] in UNREACHABLE
    assert await _receipt(lab, online=False) == 3039
