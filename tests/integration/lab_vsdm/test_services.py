"""Intermediär, UFS, VSDD and CMS over TLS: whom they let in, what they answer, every fault on demand."""

import gzip
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.lab_vsdm.conftest import client_context
from tiaas.card.apdu import decode_response_untrusted
from tiaas.card.objsys.model import CardKind
from tiaas.fachdienste.vsdm.pruefziffer import ProofV2, decode_untrusted
from tiaas.interfaces import cm_cc_v2_0 as cc
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, SessionIdentifier, UpdatePriority
from tiaas.interfaces.cm_uf_v2_0 import GET_UPDATE_FLAGS_ACTION, GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.lab.faults import CODES, Fault, Service
from tiaas.lab.lab import Lab
from tiaas.lab.vsdm.books import Task
from tiaas.lab.vsdm.change import Change
from tiaas.lab.vsdm.errors import TEXTS
from tiaas.soap.client import ReceivedFault, read_headed_answer_untrusted, write_request
from tiaas.soap.envelope import Headed

Connect = Callable[[str | None], httpx.AsyncClient]
ANSWERS = {
    GetUpdateFlags: (GetUpdateFlagsResponse, GET_UPDATE_FLAGS_ACTION),
    cc.PerformUpdates: (cc.PerformUpdatesResponse, cc.PERFORM_UPDATES_ACTION),
    cc.GetNextCommandPackage: (cc.GetNextCommandPackageResponse, cc.GET_NEXT_COMMAND_PACKAGE_ACTION),
}


def egk(lab: Lab, at: int = 0) -> str:
    return lab.cards.of_practice(1, CardKind.EGK)[at].iccsn


def insurer(lab: Lab) -> str:
    found = lab.books.insurer_of(egk(lab))
    assert found is not None
    return found


async def post(
    http: httpx.AsyncClient, path: str, message: object, *headers: object, packed: bool = False
) -> httpx.Response:
    _, action = ANSWERS[type(message)]
    request = write_request(message, action, headers)
    fields = {**dict(request.headers), "accept-encoding": "gzip"}
    if packed:
        fields["content-encoding"] = "gzip"
    return await http.post(path, content=gzip.compress(request.body) if packed else request.body, headers=fields)


def read(message: object, answer: httpx.Response) -> Headed[Any]:
    expected, _ = ANSWERS[type(message)]
    return read_headed_answer_untrusted(answer.content, expected, (SessionIdentifier,), (Error,))


def fault_in(message: object, answer: httpx.Response) -> Error:
    assert answer.status_code == 500
    with pytest.raises(ReceivedFault) as caught:
        read(message, answer)
    detail = caught.value.fault.detail
    assert isinstance(detail, Error)
    return detail


class Konnektor:
    """Carries an update from the services to the card."""

    def __init__(self, lab: Lab, http: httpx.AsyncClient, service: str = "VSD") -> None:
        self.lab, self.http, self.service = lab, http, service
        self.provider = insurer(lab)
        self.session: SessionIdentifier | None = None

    @property
    def where(self) -> ServiceLocalization:
        return ServiceLocalization(type=self.service, provider=self.provider)

    async def flags(self, iccsn: str | None = None) -> httpx.Response:
        where = ServiceLocalization(type="UFS", provider=self.provider)
        return await post(self.http, f"/{self.provider}/UFS/2.0", GetUpdateFlags(iccsn=iccsn or egk(self.lab)), where)

    async def perform(self, update_id: bytes, iccsn: str | None = None) -> httpx.Response:
        message = cc.PerformUpdates(iccsn=iccsn or egk(self.lab), update_ids=(update_id,))
        answer = await post(self.http, f"/{self.provider}/{self.service}/2.0", message, self.where)
        if answer.status_code == 200:
            self.session = read(message, answer).header(SessionIdentifier)
        return answer

    async def following(self, *responses: bytes, abort: cc.Abort | None = None) -> httpx.Response:
        package = cc.CommandResponsePackage(command_responses=responses, abort=abort)
        assert self.session is not None
        return await post(
            self.http, f"/{self.provider}/{self.service}/2.0", self.next_message(package), self.where, self.session
        )

    @staticmethod
    def next_message(package: cc.CommandResponsePackage) -> cc.GetNextCommandPackage:
        return cc.GetNextCommandPackage(command_response_package=package)

    async def run(self, update_id: bytes) -> list[cc.UpdatePerformed]:
        """The whole update. Fails if the card answers otherwise than expected."""
        card = self.lab.cards.get(egk(self.lab)).card
        message: object = cc.PerformUpdates(iccsn=egk(self.lab), update_ids=(update_id,))
        answer = read(message, await self.perform(update_id)).message
        done = list(answer.updates_performed)
        while answer.close is None:
            responses = []
            for item in answer.command_package.command_items:
                responses.append(card.process(item.command))
                sw = decode_response_untrusted(responses[-1]).sw
                assert sw == int.from_bytes(item.status_code_expected, "big")
            message = self.next_message(cc.CommandResponsePackage(command_responses=(b"\x90\0",)))
            answer = read(message, await self.following(*responses)).message
            done += answer.updates_performed
        return done


def add(lab: Lab, task: Task = Task.DATA) -> bytes:
    change = Change(strasse="Neue Straße") if task is Task.DATA else Change()
    return lab.books.add(egk(lab), task, change, UpdatePriority.MANDATORY).update_id


@pytest.mark.parametrize("certificate", ["HCI.AUT.E256", "HCI.AUT.R2048"])
async def test_no_update_waits(lab: Lab, connect: Connect, certificate: str) -> None:
    answer = await Konnektor(lab, connect(certificate)).flags()
    assert answer.status_code == 200
    assert answer.headers["via"] == "1.1 intermediaer.tiaas.lab"
    assert answer.headers["content-encoding"] == "gzip"
    assert b">\n<" not in answer.content.partition(b"?>\n")[2]
    response = read(GetUpdateFlags(iccsn=egk(lab)), answer).message
    assert response.update_flags == ()
    (receipt,) = response.service_receipts
    proof = decode_untrusted(receipt.receipt, lab._secrets.operator_key)
    assert isinstance(proof, ProofV2)
    assert proof.kvnr == lab.cards.get(egk(lab)).kvnr


async def test_an_update_reaches_the_card(lab: Lab, http: httpx.AsyncClient) -> None:
    update_id = add(lab)
    konnektor = Konnektor(lab, http)
    flags = read(GetUpdateFlags(iccsn=egk(lab)), await konnektor.flags()).message
    (flag,) = flags.update_flags
    assert (flag.service_localization, flag.update_id) == (konnektor.where, update_id)
    assert flags.service_receipts == ()
    (performed,) = await konnektor.run(update_id)
    assert performed.update_id == update_id
    assert performed.receipt is not None
    assert read(GetUpdateFlags(iccsn=egk(lab)), await konnektor.flags()).message.update_flags == ()
    operations = [entry.operation for entry in lab.journal.since(service="vsdd")]
    assert operations == ["PerformUpdates", *["GetNextCommandPackage"] * 3]
    subjects = [entry.subject for entry in lab.journal.since(service="vsdd")]
    assert subjects == [f"{egk(lab)} {number}" for number in range(1, 5)]


async def test_lock_and_unlock(lab: Lab, http: httpx.AsyncClient) -> None:
    konnektor = Konnektor(lab, http, "CMS")
    for task, locked in ((Task.LOCK, True), (Task.UNLOCK, False)):
        (performed,) = await konnektor.run(add(lab, task))
        assert performed.receipt is None
        assert lab.books.is_locked(egk(lab)) is locked
        assert ("MF/DF.HCA" in lab.cards.get(egk(lab)).card.image.deactivated) is locked


async def test_requests_may_be_packed(lab: Lab, http: httpx.AsyncClient) -> None:
    message, where = GetUpdateFlags(iccsn=egk(lab)), ServiceLocalization(type="UFS", provider=insurer(lab))
    answer = await post(http, f"/{insurer(lab)}/UFS/2.0", message, where, packed=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("certificate", [None, "HCI.OSIG.E256", "HCI.ENC.E256"])
async def test_other_clients_are_refused(lab: Lab, connect: Connect, certificate: str | None) -> None:
    with pytest.raises(httpx.TransportError):
        await Konnektor(lab, connect(certificate)).flags()
    assert not list(lab.journal.since(service="ufs"))


async def test_tls_1_1_is_refused(lab: Lab) -> None:
    context = client_context(lab)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with httpx.AsyncClient(base_url=lab.vsdm.url, verify=context, trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await Konnektor(lab, http).flags()


@pytest.mark.parametrize("path", ["/", "/999567890/UFS/1.0", "/UFS/2.0", "/a/b/c/2.0"])
async def test_other_paths(lab: Lab, http: httpx.AsyncClient, path: str) -> None:
    answer = await http.post(path, content=b"")
    assert answer.status_code == 404
    assert "via" not in answer.headers
    assert (await http.get(f"/{insurer(lab)}/UFS/2.0")).status_code == 404


@pytest.mark.parametrize(("provider", "kind"), [("123456789", "UFS"), (None, "KVK")])
@pytest.mark.code(1006)
async def test_the_intermediaer_knows_no_such_service(
    lab: Lab, http: httpx.AsyncClient, provider: str | None, kind: str
) -> None:
    message = GetUpdateFlags(iccsn=egk(lab))
    where = ServiceLocalization(type="UFS", provider=insurer(lab))
    answer = await post(http, f"/{provider or insurer(lab)}/{kind}/2.0", message, where)
    assert fault_in(message, answer).trace[0].code == 1006
    assert "via" not in answer.headers


@pytest.mark.parametrize("header", [None, ("VSD", None), ("UFS", "123456789")])
async def test_a_wrong_localization(lab: Lab, http: httpx.AsyncClient, header: tuple[str, str | None] | None) -> None:
    message = GetUpdateFlags(iccsn=egk(lab))
    headers = [] if header is None else [ServiceLocalization(type=header[0], provider=header[1] or insurer(lab))]
    answer = await post(http, f"/{insurer(lab)}/UFS/2.0", message, *headers)
    trace = fault_in(message, answer).trace[0]
    assert (trace.code, trace.comp_type, trace.severity, trace.error_type) == (1006, "UFS", "Fatal", "Security")
    assert trace.detail is not None
    assert "via" in answer.headers


@pytest.mark.code(11101, 12101)
async def test_an_unknown_card(lab: Lab, http: httpx.AsyncClient) -> None:
    konnektor = Konnektor(lab, http)
    message = GetUpdateFlags(iccsn=egk(lab))
    assert fault_in(message, await konnektor.flags("80276888880000000001")).trace[0].code == 11101
    assert fault_in(message, await konnektor.perform(b"\1" * 8, "80276888880000000001")).trace[0].code == 12101
    assert fault_in(message, await konnektor.perform(b"\1" * 8)).trace[0].code == 12101


@pytest.mark.parametrize(("kind", "code"), [("UFS", 11148), ("VSD", 12148), ("CMS", 12148)])
async def test_schema_errors(lab: Lab, http: httpx.AsyncClient, kind: str, code: int) -> None:
    message = GetUpdateFlags(iccsn=egk(lab))
    path = f"/{insurer(lab)}/{kind}/2.0"
    for body in (b"", b"<x/>", write_request(message, "").body.replace(b"80276", b"12345", 1)):
        answer = await http.post(path, content=body, headers={"content-type": "text/xml"})
        assert fault_in(message, answer).trace[0].code == code
    assert (await http.post(path, content=b"no gzip", headers={"content-encoding": "gzip"})).status_code == 400


async def test_the_cms_knows_no_update_of_the_vsdd(lab: Lab, http: httpx.AsyncClient) -> None:
    answer = await Konnektor(lab, http, "CMS").perform(add(lab))
    trace = fault_in(GetUpdateFlags(iccsn=egk(lab)), answer).trace[0]
    assert (trace.code, trace.comp_type) == (12101, "CCS")


@pytest.mark.code(1014)
async def test_an_unknown_conversation(lab: Lab, http: httpx.AsyncClient) -> None:
    konnektor = Konnektor(lab, http)
    konnektor.session = SessionIdentifier(conversation_id="nobody")
    assert fault_in(GetUpdateFlags(iccsn=egk(lab)), await konnektor.following(b"\x90\0")).trace[0].code == 1014


async def test_abort_closes(lab: Lab, http: httpx.AsyncClient) -> None:
    konnektor = Konnektor(lab, http)
    update_id = add(lab)
    await konnektor.perform(update_id)
    message = konnektor.next_message(cc.CommandResponsePackage(abort=cc.Abort()))
    response = read(message, await konnektor.following(abort=cc.Abort())).message
    assert response.close is not None
    assert response.updates_performed == ()
    assert lab.books.get(update_id) is not None
    assert fault_in(message, await konnektor.following(b"\x90\0")).trace[0].code == 1014


async def test_beginning_anew_ends_the_conversation_before(lab: Lab, http: httpx.AsyncClient) -> None:
    update_id = add(lab)
    first, second = Konnektor(lab, http), Konnektor(lab, http)
    await first.perform(update_id)
    await second.run(update_id)
    assert fault_in(GetUpdateFlags(iccsn=egk(lab)), await first.following(b"\x90\0")).trace[0].code == 1014


async def ask(konnektor: Konnektor, service: Service) -> httpx.Response:
    return await (konnektor.flags() if service is Service.UFS else konnektor.perform(b"\1" * 8))


def konnektor_for(lab: Lab, http: httpx.AsyncClient, service: Service) -> Konnektor:
    return Konnektor(lab, http, "CMS" if service is Service.CMS else "VSD")


@pytest.mark.parametrize("service", [Service.INTERMEDIAER, Service.UFS, Service.VSDD, Service.CMS])
async def test_every_code_on_demand(lab: Lab, http: httpx.AsyncClient, service: Service) -> None:
    message = GetUpdateFlags(iccsn=egk(lab))
    for code in filter(str.isdecimal, CODES[service]):
        number = lab.faults.add(Fault(service, code=code)).number
        answer = await ask(konnektor_for(lab, http, service), service)
        trace = fault_in(message, answer).trace[0]
        assert (trace.code, trace.error_text) == (int(code), TEXTS[int(code)].text)
        assert ("via" in answer.headers) is (service is not Service.INTERMEDIAER)
        (*_, entry) = lab.journal.since(service=service.value)
        assert (entry.fault, entry.outcome) == (number, f"fault {code}")
    assert not list(lab.faults)


@pytest.mark.parametrize("service", [Service.INTERMEDIAER, Service.UFS, Service.VSDD, Service.CMS])
async def test_bare_status_and_no_answer(lab: Lab, http: httpx.AsyncClient, service: Service) -> None:
    konnektor = konnektor_for(lab, http, service)
    lab.faults.add(Fault(service, http=503, delay=0.01))
    answer = await ask(konnektor, service)
    assert answer.status_code == 503
    assert ("via" in answer.headers) is (service is not Service.INTERMEDIAER)
    lab.faults.add(Fault(service, drop=True))
    if service is Service.INTERMEDIAER:
        with pytest.raises(httpx.TransportError):
            await ask(konnektor, service)
    else:
        answer = await ask(konnektor, service)
        assert answer.status_code == 502
        assert "via" not in answer.headers
    assert (await konnektor.flags()).status_code == 200


async def test_a_fault_for_one_package(lab: Lab, http: httpx.AsyncClient) -> None:
    lab.faults.add(Fault(Service.VSDD, code="12105", match=f"GetNextCommandPackage {egk(lab)} 3"))
    update_id = add(lab)
    with pytest.raises(ReceivedFault):
        await Konnektor(lab, http).run(update_id)
    packages = [entry.subject for entry in lab.journal.since(service="vsdd")]
    assert packages[-1] == f"{egk(lab)} 3"
    assert lab.books.get(update_id) is not None
    assert await Konnektor(lab, http).run(update_id)


@pytest.mark.code(1011)
async def test_a_service_that_is_away(lab: Lab, http: httpx.AsyncClient) -> None:
    for server in lab.vsdm._servers[:3]:
        await server.stop()
    answer = await Konnektor(lab, http).flags()
    assert fault_in(GetUpdateFlags(iccsn=egk(lab)), answer).trace[0].code == 1011
    assert "via" not in answer.headers
