"""The comfort operations of SignatureService 7.5 over TLS: gematik's WSDL through zeep, a virtual HBA, management."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import zeep
from lxml import etree

from tests.integration.proof.caller import GERROR
from tests.integration.proof.conftest import API
from tests.integration.proof.test_zeep import Practice, pem_of_p12, session_with
from tests.integration.signature.office import PDF, Office, wish
from tests.integration.signature.test_sign_document import cms, document
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import Integrity
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.base.entropy import SystemEntropy, random_uuid
from tiaas.client.admin import AdminAccess, AdminRefused, connect_admin
from tiaas.interfaces.management.documents import plain, read
from tiaas.interfaces.management.parameters import Parameters
from tiaas.konnektor.cardtypes import CardType

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIG75 = "{http://ws.gematik.de/conn/SignatureService/v7.5}"


class Comfort:
    """A Primärsystem of one user that knows SignatureService 7.5 by its WSDL; answers are checked against the XSD."""

    def __init__(self, office: Office, practice: Practice) -> None:
        self.office = office
        self.practice = practice
        settings = zeep.Settings(strict=True, forbid_entities=False)
        client: Any = zeep.Client(  # type: ignore[no-untyped-call]
            str(API / "conn/SignatureService_V7_5_6.wsdl"), transport=practice.wire, settings=settings
        )
        (binding,) = client.wsdl.bindings
        self._proxy = client.create_service(binding, practice._endpoints["SignatureService", "7.5.6"])
        self._schema = etree.XMLSchema(etree.parse(API / "conn/SignatureService_V7_5_6.xsd"))
        self.hba = office.card(CardType.HBA).handle
        self.user = random_uuid(SystemEntropy())

    async def _call(self, operation: str, **values: Any) -> Any:
        answer = await asyncio.to_thread(getattr(self._proxy, operation), **values)
        last = self.practice.wire.last
        assert last is not None
        (body,) = etree.fromstring(last.content).findall("{http://schemas.xmlsoap.org/soap/envelope/}Body/*")
        self._schema.assertValid(body)
        return answer

    def _context(self, user: str | None = None) -> dict[str, str]:
        return self.practice.context | {"UserId": user or self.user}

    async def activate(self, handle: str | None = None, user: str | None = None) -> Any:
        return await self._call("ActivateComfortSignature", CardHandle=handle or self.hba, Context=self._context(user))

    async def deactivate(self, *handles: str) -> Any:
        return await self._call("DeactivateComfortSignature", CardHandle=list(handles) or [self.hba])

    async def mode(self, user: str | None = None, handle: str | None = None) -> Any:
        return await self._call("GetSignatureMode", CardHandle=handle or self.hba, Context=self._context(user))

    async def code(self, call: Any) -> list[str | None]:
        """The codes of a fault's trace."""
        with pytest.raises(zeep.exceptions.Fault):
            await call
        return [trace.findtext(f"{GERROR}Code") for trace in self.practice.check_fault()]

    async def set(self, **settings: Any) -> None:
        """Parameters of the instance, by its management interface."""
        entry = self.office.run.served[0].admin
        access = AdminAccess(entry.url, entry.ca.read_text(), entry.token)
        async with connect_admin(access) as admin:
            held = plain(await admin.read("/parameters", Parameters)) | settings
            await admin.change("PUT", "/parameters", read(Parameters, held))


@pytest_asyncio.fixture(loop_scope="session")
async def comfort(office: Office, tmp_path: Path) -> AsyncIterator[Comfort]:
    """The function is on; afterwards off again, and with it every session."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    ready = json.loads((office.run.lab.store.folder / "ready.json").read_text())
    session: requests.Session = session_with(ready, pem_of_p12(ready, tmp_path))
    with session:
        practice = await asyncio.to_thread(Practice, API, ready, session)
        client = await asyncio.to_thread(Comfort, office, practice)
        await client.set(comfort_signature=True)
        yield client
        await client.set(comfort_signature=None, comfort_signature_max=None)


@pytest.mark.requirement("A_19107", "A_19108", "A_19109-02", "A_19106-02", "A_19103-06", "A_19945")
async def test_a_session_from_its_pin_to_its_end(office: Office, comfort: Comfort) -> None:
    before = await comfort.mode()
    assert (before.ComfortSignatureStatus, before.ComfortSignatureMax, before.SessionInfo) == ("ENABLED", 100, None)
    assert before.ComfortSignatureTimer.total_seconds() == 6 * 3600
    answer = await comfort.activate()
    assert (answer.Status.Result, answer.SignatureMode) == ("OK", "COMFORT")
    prompts = sum(event.topic == "CARD/PIN/VERIFY_STARTED" for event in office.events)
    context = office.call_context(comfort.user)
    detached = wish(b"Rezept", "text/plain")
    (response,) = (await office.call(office.sign(detached, kind=CardType.HBA, context=context))).sign_response
    (found,) = read_cades_untrusted(cms(response), b"Rezept")
    assert found.integrity is Integrity.INTACT
    both = (
        wish(b"Rezept", "text/plain", include_e_content=True, name="R0"),
        wish(PDF, "application/pdf-a", name="R1"),
    )
    enveloping, pdf = (await office.call(office.sign(*both, kind=CardType.HBA, context=context))).sign_response
    (found,) = read_cades_untrusted(cms(enveloping))
    assert found.integrity is Integrity.INTACT
    data = document(pdf).base64_data
    assert data is not None
    (found,) = read_pades_untrusted(data.data)
    assert found.integrity is Integrity.INTACT
    assert sum(event.topic == "CARD/PIN/VERIFY_STARTED" for event in office.events) == prompts
    info = (await comfort.mode()).SessionInfo
    assert (info.SignatureMode, info.CountRemaining) == ("COMFORT", 97)
    assert 0 < info.TimeRemaining.total_seconds() <= 6 * 3600
    ended = await comfort.deactivate()
    assert ended.Result == "OK"
    assert (await comfort.mode()).SessionInfo is None


@pytest.mark.pitfall(13)
@pytest.mark.code(4018)
async def test_who_holds_the_card_keeps_others_of_the_clientsystem_out(comfort: Comfort) -> None:
    await comfort.activate()
    other = random_uuid(SystemEntropy())
    assert await comfort.code(comfort.activate(user=other)) == ["4018"]
    assert await comfort.code(comfort.mode(other)) == ["4018"]
    await comfort.deactivate()
    assert (await comfort.mode(other)).SessionInfo is None


@pytest.mark.code(4270, 4272, 4274, 4269)
async def test_refusals(office: Office, comfort: Comfort) -> None:
    assert await comfort.code(comfort.activate(user="dr-house")) == ["4272"]
    await comfort.activate()
    await comfort.deactivate()
    assert await comfort.code(comfort.activate()) == ["4270"]
    smcb = office.card(CardType.SMC_B).handle
    assert await comfort.code(comfort.activate(handle=smcb)) == ["4274"]
    assert await comfort.code(comfort.mode(handle=smcb)) == ["4269"]


@pytest.mark.requirement("A_19105")
@pytest.mark.code(4265, 4266)
async def test_handles_without_card_or_session(office: Office, comfort: Comfort) -> None:
    smcb = office.card(CardType.SMC_B).handle
    hba = office.card(CardType.HBA)
    hba.sessions.clear()
    answer = await comfort.deactivate("Dr. House", smcb, hba.handle)
    assert answer.Result == "Warning"
    told = {trace.Code: trace.ErrorText for trace in answer.Error.Trace}
    assert told == {
        4265: f"Karten-Handle ungültig unbekannt (9 Zeichen),{smcb}",
        4266: f"Keine Kartensitzung vorhanden {hba.handle}",
    }


@pytest.mark.requirement("TIP1-A_4680-03")
@pytest.mark.code(4263)
async def test_what_the_administrator_sets_counts_at_once(office: Office, comfort: Comfort) -> None:
    await comfort.set(comfort_signature_max=2)
    await comfort.activate()
    assert (await comfort.mode()).SessionInfo.CountRemaining == 2
    await comfort.set(comfort_signature=False)
    assert (await comfort.mode()).ComfortSignatureStatus == "DISABLED"
    hba = office.card(CardType.HBA)
    assert not any(session.raised for session in hba.sessions.values())
    assert await comfort.code(comfort.activate()) == ["4263"]
    assert await comfort.code(comfort.deactivate()) == ["4263"]
    with pytest.raises(AdminRefused):
        await comfort.set(comfort_signature=True, authentication_mandatory=False)
