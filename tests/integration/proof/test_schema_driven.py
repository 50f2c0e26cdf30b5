"""Every operation of a running Konnektor with messages made from the official schemas, right and wrong ones.

Whatever is sent: an answer in time, a fault has a trace, and afterwards the practice works as before, with no
connection, file or memory held. TIAAS_SCHEMA_MESSAGES is the number of messages per operation (12).
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest
from lxml import etree

from tests.conformance.soap.mutate import Mutator
from tests.conformance.soap.test_parity import names_of
from tests.conformance.soap.xml_sketch import Node, serialise
from tests.conformance.soap.xsd_instances import Schemas
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import GERROR, SOAP, Caller, tls_of
from tests.integration.proof.hand import Hand

MESSAGES = int(os.environ.get("TIAAS_SCHEMA_MESSAGES", "12"))
SEED = int(os.environ.get("TIAAS_SCHEMA_SEED", "20261126"))
SECONDS = 30
SERVED = {
    "AuthSignatureService": 1,
    "CardService": 16,
    "CardTerminalService": 2,
    "CertificateService": 3,
    "EncryptionService": 2,
    "EventService": 7,
    "KvkService": 1,
    "SignatureService": 11,
    "VSDService": 1,
}
"""How many operations each service has, those of both interfaces of CardService and SignatureService counted."""
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP_WSDL = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_PEOPLE_ARE_QUICK = {"TimeOut": ("0", "1", "-1", "x")}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a WSDL: where it is served, its schema and root element."""

    name: str
    path: str
    schema: Path
    root: str


def operations(lab: LabProcess, api: Path) -> dict[str, Operation]:
    """All operations of the services that the directory lists, by root element, of the newest WSDL."""
    return {operation.root: operation for operation in _operations(lab, api)}


def _operations(lab: LabProcess, api: Path) -> Iterator[Operation]:
    with httpx.Client(verify=tls_of(lab.ready), trust_env=False) as http:
        directory = etree.fromstring(http.get(lab.ready["konnektor"]["sds"]).content)
    served = {
        version.get("TargetNamespace"): str(version.xpath("string(*[local-name() = 'EndpointTLS']/@Location)"))
        for version in directory.iter("{*}Version")
        if version.get("TargetNamespace")
    }
    for wsdl in sorted((api / "conn").rglob("*.wsdl")):
        root = etree.parse(wsdl).getroot()
        url = served.get(root.get("targetNamespace"))
        if url is None:
            continue
        schema = next(root.iter("{http://www.w3.org/2001/XMLSchema}import")).get("schemaLocation", "")
        for operation in root.findall(f"{_WSDL}portType/{_WSDL}operation"):
            element = _element(root, operation)
            if element is not None:
                path = "/" + url.split("/", 3)[3]
                yield Operation(f"{wsdl.stem}-{operation.get('name')}", path, (wsdl.parent / schema).resolve(), element)


def _element(root: etree._Element, operation: etree._Element) -> str | None:
    sent = operation.find(f"{_WSDL}input")
    message = "" if sent is None else sent.get("message", "").partition(":")[2]
    part = root.find(f"{_WSDL}message[@name='{message}']/{_WSDL}part")
    if part is None:
        return None
    prefix, _, local = part.get("element", "").partition(":")
    return f"{{{part.nsmap[prefix]}}}{local}"


class Sender:
    """Makes messages of an operation and sends them; `seen` counts HTTP status and last code."""

    def __init__(self, lab: LabProcess) -> None:
        self._lab = lab
        self._context = lab.ready["context"]
        self._random = Random(SEED)
        self._http = httpx.Client(verify=tls_of(lab.ready), trust_env=False, timeout=SECONDS)
        self._handles: tuple[str, ...] = ("none",)
        self.seen: Counter[tuple[int, int]] = Counter()

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def run(self, operation: Operation, count: int) -> None:
        """Sends `count` messages of an operation."""
        with Caller(self._lab.ready) as caller:
            self._handles = tuple(card["CardHandle"] for card in caller.cards()) or ("none",)
        schemas = Schemas.load(operation.schema)
        bases = [schemas.instance(operation.root, self._random) for _ in range(20)]
        mutator = Mutator(schemas.prefixes, names_of(schemas, bases), (1, 64, 65, 128, 129))
        for number in range(count):
            node = self._random.choice(bases).copy()
            if number % 4:
                self._fill(node)
            if number % 2:
                node = mutator.mutant(node, self._random)
            self._send(operation, serialise(node, schemas.prefixes, self._random))

    def _fill(self, root: Node) -> None:
        """Ids that exist, so that a message comes further than the access check; nobody is waited for."""
        values = {
            "MandantId": (self._context["mandant_id"],),
            "ClientSystemId": (self._context["client_system_id"],),
            "WorkplaceId": (self._context["workplace_id"],),
            "UserId": ("u1", "u2"),
            "CardHandle": self._handles,
            "EhcHandle": self._handles,
            "HpcHandle": self._handles,
            "KVKHandle": self._handles,
            "CtId": (self._lab.ready["terminals"][0]["ct_id"],),
            "SlotId": ("1", "2", "3", "9"),
            **_PEOPLE_ARE_QUICK,
        }
        for node in root.walk():
            if node.local in values:
                node.set_text(self._random.choice(values[node.local]))

    def _send(self, operation: Operation, message: bytes) -> None:
        body = b'<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>' % (SOAP.encode(), message)
        url = self._lab.ready["konnektor"]["url"].rstrip("/") + operation.path
        answer = self._http.post(url, content=body, headers={"content-type": "text/xml; charset=utf-8"})
        assert answer.status_code in (200, 500), f"{operation.name}: HTTP {answer.status_code} for {message!r}"
        root = etree.fromstring(answer.content)
        codes = [int(str(code.text)) for code in root.iter(f"{GERROR}Code")]
        assert answer.status_code == 200 or codes, f"{operation.name}: no trace for {message!r}: {answer.content!r}"
        self.seen[answer.status_code, codes[-1] if codes else 0] += 1


def held(lab: LabProcess) -> tuple[int, int]:
    """Open files and resident kibibytes of the process."""
    proc = Path(f"/proc/{lab.process.pid}")
    status = proc.joinpath("status").read_text()
    return len(list(proc.joinpath("fd").iterdir())), int(status.split("VmRSS:")[1].split()[0])


def settle(lab: LabProcess, files: int) -> tuple[int, int]:
    """What is held once connections that ended are gone."""
    deadline = time.monotonic() + SECONDS
    while held(lab)[0] > files and time.monotonic() < deadline:
        time.sleep(0.1)
    return held(lab)


@pytest.mark.requirement("TIP1-A_4533")
def test_every_operation_answers_and_nothing_is_held(lab: LabProcess, api: Path, hand: Hand) -> None:
    hand.policy("cancel")
    places = _places(lab)
    served = tuple(operations(lab, api).values())
    services = Counter(operation.name.partition("-")[0].partition("_")[0] for operation in served)
    assert services == SERVED
    sender = Sender(lab)
    for operation in served:
        sender.run(operation, 5)
    files, memory = held(lab)
    for operation in served:
        sender.run(operation, MESSAGES)
    sender.close()
    statuses = {status for status, _ in sender.seen}
    assert statuses == {200, 500}, "nothing came through, or nothing was refused"
    assert len({code for _, code in sender.seen}) > 10, f"too few ways to end: {sender.seen}"
    assert (500, 4001) not in sender.seen, "a defect inside the Konnektor"
    files_after, memory_after = settle(lab, files)
    assert files_after <= files
    assert memory_after - memory < 32 * 1024
    _works_as_before(lab, hand, places)


def _places(lab: LabProcess) -> dict[str, int]:
    """The slots of the cards that are in."""
    cards = [card for kind in lab.ready["cards"].values() for card in kind]
    return {card["iccsn"]: card["in"]["slot"] for card in cards if card["in"]}


def _works_as_before(lab: LabProcess, hand: Hand, places: dict[str, int]) -> None:
    """Cards that were ejected, in their slots still or not, come back; then they can be read and none is locked."""
    hand.policy("auto")
    for slot in _places(lab).values():
        hand.eject(slot)
    for iccsn, slot in places.items():
        hand.insert(slot, iccsn)
    lab.tiaas("pin", "verify", "PIN.SMC")
    done = lab.tiaas("vsd", "read", "--offline")
    assert done.returncode == 0, done.stderr
