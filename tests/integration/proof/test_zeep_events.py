"""The official WSDL drives the rest of EventService through zeep; answers and events are validated by the XSD.

The receiver is a socket, the standard library's TLS and lxml: nothing of ours.
"""

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zeep.exceptions
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand
from tests.integration.proof.test_zeep import Practice, pem_of_p12, session_with

EVT = "{http://ws.gematik.de/conn/EventService/v7.2}"


@pytest.fixture(scope="module")
def practice(api: Path, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    ready = lab.ready
    with session_with(ready, pem_of_p12(ready, tmp_path_factory.mktemp("p12"))) as session:
        yield Practice(api, ready, session)


class Sink:
    """A PVS's port for events: a thread, a self-signed certificate made by openssl."""

    def __init__(self, folder: Path) -> None:
        files = folder / "key.pem", folder / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pvs", "-days", "1",
             "-keyout", str(files[0]), "-out", str(files[1])],
            check=True, capture_output=True,
        )  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files[1], files[0])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"cetp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._events: list[etree._Element] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with self._context.wrap_socket(plain, server_side=True) as connection:
                octets = b""
                while part := connection.recv(4096):
                    octets += part
            magic, size = struct.unpack(">4sI", octets[:8])
            assert magic == b"CETP"
            assert size == len(octets) - 8
            with self._changed:
                self._events.append(etree.fromstring(octets[8:]))
                self._changed.notify_all()

    def wait(self, topic: str) -> etree._Element:
        """The first event of that topic."""

        def found() -> etree._Element | None:
            return next((event for event in self._events if event.findtext(f"{EVT}Topic") == topic), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, timeout=20)
            event = found()
        assert event is not None
        return event

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    sink = Sink(tmp_path)
    yield sink
    sink.close()


def subscribe(practice: Practice, sink: Sink, **more: str) -> Any:
    wish = {"EventTo": sink.url, "Topic": "CARD", **more}
    answer = practice.service("EventService").Subscribe(Context=practice.context, Subscription=wish)
    practice.check("EventService")
    return answer


def refused(practice: Practice) -> list[str | None]:
    return [trace.findtext("{*}Code") for trace in practice.check_fault()]


@pytest.mark.requirement("TIP1-A_4608", "TIP1-A_4609", "TIP1-A_5112", "TIP1-A_4610")
@pytest.mark.pitfall(44)
@pytest.mark.code(4102)
def test_subscribe_renew_get_unsubscribe(practice: Practice, sink: Sink) -> None:
    service = practice.service("EventService")
    made = subscribe(practice, sink)
    left = made.TerminationTime - datetime.now(UTC)
    assert timedelta(hours=24, minutes=55) < left <= timedelta(hours=25)
    again = subscribe(practice, sink, Topic="card/")
    assert again.SubscriptionID == made.SubscriptionID
    renewals = service.RenewSubscriptions(Context=practice.context, SubscriptionID=[made.SubscriptionID, "unknown"])
    practice.check("EventService")
    assert renewals.Status.Result == "Warning"
    assert [trace.Code for trace in renewals.Status.Error.Trace] == [4102]
    held = service.GetSubscription(Context=practice.context, **{"mandant-wide": True})
    practice.check("EventService")
    (shown,) = held.Subscriptions.Subscription
    assert (shown.SubscriptionID, shown.EventTo, shown.Topic) == (made.SubscriptionID, sink.url, "CARD")
    service.Unsubscribe(Context=practice.context, SubscriptionID=made.SubscriptionID)
    practice.check("EventService")
    with pytest.raises(zeep.exceptions.Fault):
        service.Unsubscribe(Context=practice.context, EventTo=sink.url)
    assert refused(practice) == ["4102"]
    assert service.GetSubscription(Context=practice.context).Subscriptions is None
    practice.check("EventService")


@pytest.mark.requirement("TIP1-A_4607", "TIP1-A_4602")
def test_resource_information(practice: Practice, lab: LabProcess) -> None:
    service = practice.service("EventService")
    connector = service.GetResourceInformation(Context=practice.context).Connector
    practice.check("EventService")
    assert connector.VPNTIStatus.ConnectionStatus == "Online"
    ct_id = lab.ready["terminals"][0]["ct_id"]
    assert service.GetResourceInformation(Context=practice.context, CtId=ct_id).CardTerminal.CtId == ct_id
    practice.check("EventService")
    handle = practice.handle("SMC-B")
    card = service.GetResourceInformation(Context=practice.context, CardHandle=handle).Card
    practice.check("EventService")
    assert card.CardHandle == handle
    with pytest.raises(zeep.exceptions.Fault):
        service.GetResourceInformation(Context=practice.context, CardHandle="gone")
    assert refused(practice) == ["4101"]


@pytest.mark.event("CARD/INSERTED")
@pytest.mark.requirement("TIP1-A_4594", "TIP1-A_4598-02")
@pytest.mark.pitfall(22)
def test_a_card_that_moves_reaches_the_practice(practice: Practice, lab: LabProcess, sink: Sink, api: Path) -> None:
    card = next(card for card in lab.ready["cards"]["egk"] if card["in"])
    slot, hand = card["in"]["slot"], Hand(lab.ready)
    made = subscribe(practice, sink, Filter="/EVT:Event/EVT:Message/EVT:Parameter[EVT:Value='EGK']")
    hand.eject(slot)
    removed = sink.wait("CARD/REMOVED")
    hand.insert(slot, card["iccsn"])
    inserted = sink.wait("CARD/INSERTED")
    schema = etree.XMLSchema(etree.parse(api / "conn/EventService.xsd"))
    for event in (removed, inserted):
        schema.assertValid(event)
        assert event.findtext(f"{EVT}SubscriptionID") == made.SubscriptionID
    values = {p.findtext(f"{EVT}Key"): p.findtext(f"{EVT}Value") for p in inserted.iter(f"{EVT}Parameter")}
    assert values["ICCSN"] == card["iccsn"]
    assert values["KVNR"] == card["kvnr"]
    # The handle can be used as soon as the event is there.
    answer = practice.read_vsd(str(values["CardHandle"]), practice.handle("SMC-B"))
    assert answer.PersoenlicheVersichertendaten
    practice.service("EventService").Unsubscribe(Context=practice.context, EventTo=sink.url)
