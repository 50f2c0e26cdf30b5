"""A random walker sends 10,000 requests across the border between two instances; none may be served.

Everything is real: one `tiaas up --practices 2`, TLS with both practices' client certificates, raw SOAP.
"""

import http.client
import ssl
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.integration.isolation.crossing import Practice, Request, draw, leaks
from tests.integration.lab.labprocess import LabProcess

STEPS = 10_000
_READ = "{http://ws.gematik.de/conn/CardService/v8.1}"


class Line:
    """Keep-alive connections, one per addressee and certificate shown."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], http.client.HTTPSConnection] = {}

    def post(self, request: Request) -> bytes | None:
        """The answer's body; None if the connection was refused."""
        key = (request.addressee.key, request.certificate.key if request.certificate else "")
        for attempt in (1, 2):
            connection = self._open.get(key) or self._connect(request)
            self._open[key] = connection
            try:
                connection.request("POST", request.path, request.body, {"Content-Type": "text/xml; charset=utf-8"})
                return connection.getresponse().read()
            except (ssl.SSLError, ConnectionError, http.client.HTTPException):
                connection.close()
                del self._open[key]
                # An idle keep-alive connection may have been closed meanwhile; a refused one is refused again.
                if attempt == 2:
                    return None
        return None

    def _connect(self, request: Request) -> http.client.HTTPSConnection:
        host = urlsplit(request.addressee.url)
        context = ssl.create_default_context(cafile=request.addressee.client["server_ca"])
        context.check_hostname = False
        if request.certificate is not None:
            context.load_cert_chain(request.certificate.client["cert"], request.certificate.client["key"])
        return http.client.HTTPSConnection(str(host.hostname), host.port, context=context, timeout=20)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("two") / "lab", "--practices", "2") as lab:
        yield lab
        lab.stop()


@pytest.fixture(scope="module")
def practices(lab: LabProcess) -> list[Practice]:
    return [_practice(entry) for entry in lab.ready["instances"]]


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def test_none_of_10000_crossed_requests_is_served(practices: list[Practice], line: Line) -> None:
    random = Random(20260101)
    paths = _paths(practices[0])
    seen: Counter[str] = Counter()
    for step in range(STEPS):
        request = draw(random, practices, paths)
        answer = line.post(request)
        if answer is None:
            # Only a connection without the addressee's own client certificate may end before SOAP.
            assert "certificate" in request.foreign, f"step {step}: refused with the right certificate"
            seen["refused at TLS"] += 1
            continue
        assert "certificate" not in request.foreign, f"step {step}: a foreign certificate got an answer"
        assert not leaks(answer, request, practices), f"step {step}: {leaks(answer, request, practices)}"
        seen[_code(answer)] += 1
    print("\nwalker:", dict(seen))
    assert seen["refused at TLS"] > 100
    assert sum(seen.values()) == STEPS
    assert not any(code in seen for code in ("4000", "4001")), "the walker's requests must reach the access check"


def test_the_walker_would_notice(practices: list[Practice], line: Line) -> None:
    """The same machinery, without crossing, is served: the judgement can fail."""
    random = Random(1)
    crossed = draw(random, practices, _paths(practices[0]))
    own = Request(crossed.addressee, crossed.addressee, _get_cards(crossed.addressee), crossed.path, ())
    answer = line.post(Request(own.addressee, own.certificate, own.body, _paths(own.addressee)["EventService"], ()))
    assert answer is not None
    assert "served" in leaks(answer, own, practices)


def _practice(entry: dict[str, Any]) -> Practice:
    client = {**entry["client"], "server_ca": entry["konnektor"]["ca"]}
    bare = Practice(entry["konnektor"]["url"], client, entry["context"], {}, frozenset())
    line = Line()
    try:
        answer = line.post(Request(bare, bare, _get_cards(bare), _paths(bare)["EventService"], ()))
    finally:
        line.close()
    assert answer is not None
    handles, marks = {}, set()
    for card in etree.fromstring(answer).iter(f"{_READ}Card"):
        fields = {etree.QName(child).localname: str(child.text) for child in card}
        role = {"EGK": "egk", "SMC-B": "smcb", "HBA": "hba"}.get(fields["CardType"])
        if role:
            handles[role] = fields["CardHandle"]
        marks |= {fields[name].encode() for name in ("CardHandle", "Iccsn", "Kvnr", "CtId") if name in fields}
    assert {"egk", "smcb"} <= set(handles), "the demo practice has an eGK and an SMC-B inserted"
    handles["any"] = handles["smcb"]
    return Practice(bare.url, client, entry["context"], handles, frozenset(marks))


def _get_cards(practice: Practice) -> bytes:
    context = "".join(
        f"<c:{tag}>{practice.context[name]}</c:{tag}>"
        for tag, name in (
            ("MandantId", "mandant_id"),
            ("ClientSystemId", "client_system_id"),
            ("WorkplaceId", "workplace_id"),
        )
    )
    return (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
        '<E:GetCards xmlns:E="http://ws.gematik.de/conn/EventService/v7.2" mandant-wide="true" '
        'xmlns:c="http://ws.gematik.de/conn/ConnectorCommon/v5.0">'
        f'<x:Context xmlns:x="http://ws.gematik.de/conn/ConnectorContext/v2.0">{context}</x:Context>'
        "</E:GetCards></S:Body></S:Envelope>"
    ).encode()


def _paths(practice: Practice) -> dict[str, str]:
    host = urlsplit(practice.url)
    context = ssl.create_default_context(cafile=practice.client["server_ca"])
    context.check_hostname = False
    context.load_cert_chain(practice.client["cert"], practice.client["key"])
    connection = http.client.HTTPSConnection(str(host.hostname), host.port, context=context, timeout=20)
    connection.request("GET", "/connector.sds")
    directory = etree.fromstring(connection.getresponse().read())
    connection.close()
    si = "{http://ws.gematik.de/conn/ServiceInformation/v2.0}"
    return {
        str(service.get("Name")): urlsplit(str(next(service.iter(f"{si}EndpointTLS")).get("Location"))).path
        for service in directory.iter(f"{si}Service")
    }


def _code(answer: bytes) -> str:
    codes = etree.fromstring(answer).findall(".//{http://ws.gematik.de/tel/error/v2.0}Code")
    return str(codes[-1].text) if codes else "no code"
