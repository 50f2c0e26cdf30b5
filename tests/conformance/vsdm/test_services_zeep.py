"""The official WSDLs drive the lab's services through zeep over mutual TLS: gemSpec_SST_VSDM, gemSpec_SST_FD_VSDM.

Zeep knows nothing of our classes; its key is that of an SMC-B of the lab. Every answer is checked against the XSD too.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree
from requests.adapters import HTTPAdapter

from tests.integration.lab_vsdm.conftest import client_context
from tiaas.card.objsys.model import CardKind
from tiaas.fachdienste.vsdm.containers import decode_status_vd_untrusted
from tiaas.interfaces.cm_common_v2_0 import UpdatePriority
from tiaas.lab.lab import Lab
from tiaas.lab.vsdm.books import Task
from tiaas.lab.vsdm.change import Change

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
ERROR = "{http://ws.gematik.de/tel/error/v2.0}"
SCHEMAS = {
    "http://ws.gematik.de/cm/uf/CmUfServiceResponse/v2.0": "cm/uf/CmUfServiceResponse.xsd",
    "http://ws.gematik.de/cm/cc/CmCcServiceResponse/v2.0": "cm/cc/CmCcServiceResponse.xsd",
    "http://ws.gematik.de/cm/common/CmCommon/v2.0": "cm/common/CmCommon.xsd",
    "http://ws.gematik.de/tel/error/v2.0": "tel/error/TelematikError.xsd",
}


class Adapter(HTTPAdapter):
    """HTTPS with a context of ours."""

    def __init__(self, lab: Lab) -> None:
        self._context = client_context(lab)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


class Client:
    """Zeep at one service of the insurer of the first card."""

    def __init__(self, lab: Lab, api: Path, wsdl: str, kind: str) -> None:
        self.lab, self.api, self.kind = lab, api, kind
        self.iccsn = lab.cards.of_practice(1, CardKind.EGK)[0].iccsn
        self.provider = lab.books.insurer_of(self.iccsn)
        self.answers: list[requests.Response] = []
        self.session = session = requests.Session()
        session.trust_env = False
        session.mount("https://", Adapter(lab))
        session.hooks["response"].append(lambda answer, *args, **kwargs: self.answers.append(answer))
        transport = zeep.Transport(session=session)  # type: ignore[no-untyped-call]
        client: Any = zeep.Client(str(api / wsdl), transport=transport)  # type: ignore[no-untyped-call]
        (binding,) = client.wsdl.bindings
        self._service = client.create_service(binding, f"{lab.vsdm.url}/{self.provider}/{kind}/2.0")

    async def call(self, operation: str, headers: dict[str, Any] | None = None, **values: Any) -> Any:
        """One operation; ServiceLocalization is always there. The answer must be valid by the XSD."""
        where = {"Localisation": {"Type": self.kind, "Provider": self.provider}}
        try:
            return await asyncio.to_thread(
                getattr(self._service, operation), **values, _soapheaders={**where, **(headers or {})}
            )
        finally:
            self.check(self.answers[-1])

    def check(self, answer: requests.Response) -> None:
        """Body, header blocks and fault detail against their schemas."""
        envelope = etree.fromstring(answer.content)
        checked = [block for part in envelope for block in part if block.tag != f"{SOAP}Fault"]
        checked += envelope.findall(f"{SOAP}Body/{SOAP}Fault/detail/*")
        assert checked
        for block in checked:
            schema = self.api / SCHEMAS[etree.QName(block).namespace or ""]
            etree.XMLSchema(etree.parse(schema)).assertValid(block)

    async def fault(self, operation: str, headers: dict[str, Any] | None = None, **values: Any) -> etree._Element:
        """The GERROR of an operation that must fail."""
        with pytest.raises(zeep.exceptions.Fault) as caught:
            await self.call(operation, headers, **values)
        detail = caught.value.detail
        assert detail is not None
        error: etree._Element = detail[0]
        assert len(detail) == 1
        return error


def trace(error: etree._Element) -> dict[str, str]:
    """The one Trace (VSDM-A_2272), by local name."""
    (found,) = error.findall(f"{ERROR}Trace")
    return {etree.QName(part).localname: part.text or "" for part in found}


def card_of(client: Client) -> Callable[[str], str]:
    """The card, with APDUs as zeep has hexBinary: text."""
    process = client.lab.cards.get(client.iccsn).card.process
    return lambda command: process(bytes.fromhex(command)).hex().upper()


def status_of(client: Client) -> bool:
    content = client.lab.cards.get(client.iccsn).card.image.files["MF/DF.HCA/EF.StatusVD"]
    return decode_status_vd_untrusted(content).transaction_open


@pytest.fixture
def connect(lab: Lab, api: Path) -> Iterator[Callable[[str, str], Client]]:
    """Makes clients and closes their connections before the lab stops."""
    made: list[Client] = []

    def client(wsdl: str, kind: str) -> Client:
        made.append(Client(lab, api, wsdl, kind))
        return made[-1]

    yield client
    for found in made:
        found.session.close()


@pytest.fixture
def ufs(connect: Callable[[str, str], Client]) -> Client:
    return connect("cm/uf/UFS.wsdl", "UFS")


@pytest.fixture
def vsdd(connect: Callable[[str, str], Client]) -> Client:
    return connect("cm/cc/CCS.wsdl", "VSD")


@pytest.fixture
def cms(connect: Callable[[str, str], Client]) -> Client:
    return connect("cm/cc/CCS.wsdl", "CMS")


def waiting(client: Client, task: Task = Task.DATA) -> str:
    change = Change(strasse="Zeepstraße") if task is Task.DATA else Change()
    return client.lab.books.add(client.iccsn, task, change, UpdatePriority.MANDATORY).update_id.hex().upper()


async def carried(client: Client, update_id: str) -> tuple[list[Any], list[bool], list[bool]]:
    """A whole update: what was performed, EF.StatusVD open after each command, LastIfOk of each package."""
    answer = await client.call("PerformUpdates", Iccsn=client.iccsn, UpdateId=[update_id])
    session = {"SessionIdentifier": {"ConversationID": answer.header.SessionIdentifier.ConversationID}}
    performed, opened, last = [], [], []
    while answer.body.CommandPackage is not None:
        performed += answer.body.UpdatePerformed
        last.append(bool(answer.body.CommandPackage.LastIfOk))
        responses = []
        for item in answer.body.CommandPackage.CommandItem:
            responses.append(card_of(client)(item.Command))
            assert responses[-1][-4:] == item.StatusCodeExpected
            opened.append(status_of(client))
        package = {"CommandResponsePackage": {"CommandResponse": responses}}
        answer = await client.call("GetNextCommandPackage", session, **package)
        assert answer.header.SessionIdentifier.ConversationID == session["SessionIdentifier"]["ConversationID"]
    assert answer.body.Close is not None or b"Close" in client.answers[-1].content
    return performed + answer.body.UpdatePerformed, opened, last


async def test_VSDM_A_2281_all_flags_of_a_card(ufs: Client) -> None:
    update_id, lock = waiting(ufs), waiting(ufs, Task.LOCK)
    answer = await ufs.call("GetUpdateFlags", Iccsn=ufs.iccsn)
    found = [(flag.ServiceLocalization.Type, flag.UpdateId, flag.UpdatePriority) for flag in answer.UpdateFlag]
    assert found == [("VSD", update_id, "MANDATORY"), ("CMS", lock, "MANDATORY")]
    assert {flag.ServiceLocalization.Provider for flag in answer.UpdateFlag} == {ufs.provider}
    assert answer.ServiceReceipt == []


async def test_VSDM_A_2287_receipt_if_nothing_waits_at_the_vsdd(ufs: Client) -> None:
    waiting(ufs, Task.LOCK)
    answer = await ufs.call("GetUpdateFlags", Iccsn=ufs.iccsn)
    (receipt,) = answer.ServiceReceipt
    assert (receipt.ServiceLocalization.Type, len(receipt.Receipt)) == ("UFS", 47)


async def test_VSDM_A_2256_answers_are_packed(ufs: Client) -> None:
    await ufs.call("GetUpdateFlags", Iccsn=ufs.iccsn)
    assert ufs.answers[-1].headers["content-encoding"] == "gzip"


async def test_VSDM_A_2271_via_on_everything_passed_on(ufs: Client, vsdd: Client) -> None:
    await ufs.call("GetUpdateFlags", Iccsn=ufs.iccsn)
    await vsdd.fault("PerformUpdates", Iccsn=vsdd.iccsn, UpdateId=["01"])
    assert "via" in ufs.answers[-1].headers
    assert "via" in vsdd.answers[-1].headers


async def test_VSDM_A_2261_no_whitespace_between_elements(ufs: Client) -> None:
    waiting(ufs)
    await ufs.call("GetUpdateFlags", Iccsn=ufs.iccsn)
    envelope = etree.fromstring(ufs.answers[-1].content)
    assert not [node for node in envelope.iter() if len(node) and (node.text or "").isspace()]


async def test_VSDM_A_2961_status_around_the_data(vsdd: Client) -> None:
    performed, opened, last = await carried(vsdd, waiting(vsdd))
    assert [len(entry.Receipt) for entry in performed] == [47]
    # Seven commands until the status is open; one file of three changes; the last command closes it.
    assert opened == [False] * 6 + [True, True, False]
    assert last == [False, False, True]


async def test_VSDM_A_2342_the_cms_gives_no_receipt(cms: Client) -> None:
    for task in (Task.LOCK, Task.UNLOCK):
        performed, _, _ = await carried(cms, waiting(cms, task))
        assert [entry.Receipt for entry in performed] == [None]


async def test_VSDM_A_2322_an_unknown_conversation(vsdd: Client) -> None:
    session = {"SessionIdentifier": {"ConversationID": "x"}}
    package = {"CommandResponsePackage": {"CommandResponse": ["9000"]}}
    found = trace(await vsdd.fault("GetNextCommandPackage", session, **package))
    assert (found["Code"], found["CompType"], found["Severity"]) == ("1014", "CCS", "Fatal")
    assert "Detail" not in found


async def test_VSDM_A_3009_abort_is_answered_with_close(vsdd: Client) -> None:
    answer = await vsdd.call("PerformUpdates", Iccsn=vsdd.iccsn, UpdateId=[waiting(vsdd)])
    session = {"SessionIdentifier": {"ConversationID": answer.header.SessionIdentifier.ConversationID}}
    first = card_of(vsdd)(answer.body.CommandPackage.CommandItem[0].Command)
    package = {"CommandResponsePackage": {"CommandResponse": [first], "Abort": {"CommandSentToCard": False}}}
    await vsdd.call("GetNextCommandPackage", session, **package)
    assert b":Close>" in vsdd.answers[-1].content


async def test_VSDM_A_2324_no_such_update(vsdd: Client, cms: Client) -> None:
    update_id = waiting(vsdd)
    for client, wanted in ((cms, update_id), (vsdd, "01" * 8)):
        found = trace(await client.fault("PerformUpdates", Iccsn=client.iccsn, UpdateId=[wanted]))
        assert found["Code"] == "12101"
        assert wanted in found["Detail"]  # VSDM-A_2331


async def test_VSDM_A_2325_another_update_comes_first(vsdd: Client, cms: Client) -> None:
    waiting(vsdd)
    found = trace(await cms.fault("PerformUpdates", Iccsn=cms.iccsn, UpdateId=[waiting(cms, Task.LOCK)]))
    assert found["Code"] == "12102"


async def test_VSDM_A_2326_card_with_other_keys(vsdd: Client) -> None:
    vsdd.lab.cards.get(vsdd.iccsn).card.image.keys["MF/SK.VSD.AES256"] = bytes(64)
    update_id = waiting(vsdd)
    answer = await vsdd.call("PerformUpdates", Iccsn=vsdd.iccsn, UpdateId=[update_id])
    session = {"SessionIdentifier": {"ConversationID": answer.header.SessionIdentifier.ConversationID}}
    responses = [card_of(vsdd)(item.Command) for item in answer.body.CommandPackage.CommandItem]
    package = {"CommandResponsePackage": {"CommandResponse": responses}}
    answer = await vsdd.call("GetNextCommandPackage", session, **package)
    refused = card_of(vsdd)(answer.body.CommandPackage.CommandItem[0].Command)
    package = {"CommandResponsePackage": {"CommandResponse": [refused]}}
    found = trace(await vsdd.fault("GetNextCommandPackage", session, **package))
    assert (refused, found["Code"], found["ErrorType"]) == ("6300", "12103", "Security")


async def test_VSDM_A_2290_an_unknown_card(ufs: Client) -> None:
    found = trace(await ufs.fault("GetUpdateFlags", Iccsn="80276888880000000001"))
    assert (found["Code"], found["CompType"]) == ("11101", "UFS")


async def test_VSDM_A_2283_a_wrong_localization(ufs: Client) -> None:
    wrong = {"Localisation": {"Type": "UFS", "Provider": "123456789"}}
    found = trace(await ufs.fault("GetUpdateFlags", wrong, Iccsn=ufs.iccsn))
    assert (found["Code"], found["ErrorType"]) == ("1006", "Security")
    assert ufs.provider is not None
    assert ufs.provider in found["Detail"]


async def test_VSDM_A_2318_no_command_is_too_long(vsdd: Client) -> None:
    change = Change(strasse="Zeepstraße", versichertenart=5, zuzahlung_befreit_bis="20301231")
    update = vsdd.lab.books.add(vsdd.iccsn, Task.DATA, change, UpdatePriority.MANDATORY)
    await carried(vsdd, update.update_id.hex())
    sizes = [
        len(item.text or "") // 2
        for answer in vsdd.answers
        for item in etree.fromstring(answer.content).iter("{http://ws.gematik.de/cm/cc/CmCcCommon/v2.0}Command")
    ]
    assert max(sizes) <= 3082
