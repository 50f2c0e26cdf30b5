"""Faults and journal of the lab's services: what is accepted, what strikes whom, how long."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest

from tiaas.base.clock import ManualClock
from tiaas.lab.control import control_app
from tiaas.lab.faults import CODES, FAULTS_MAX, BadFault, Fault, FaultBook, Service
from tiaas.lab.journal import ENTRIES_MAX, Journal
from tiaas.lab.lab import Lab

CLOCK = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
async def http(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        yield client


def test_a_fault_strikes_its_service_and_match_only_and_as_often_as_told() -> None:
    book = FaultBook(CLOCK)
    assert not book
    book.add(Fault(Service.UFS, code="11101", match="8027", times=2))
    assert book.take(Service.VSDD, "8027") is None
    assert book.take(Service.UFS, "9999") is None
    struck = [book.take(Service.UFS, "GetUpdateFlags 8027") for _ in range(3)]
    assert [fault and fault.used for fault in struck] == [1, 2, None]
    assert list(book) == []
    assert [(fired.fault, fired.line) for fired in book.fired] == [(1, "GetUpdateFlags 8027")] * 2


def test_a_fault_lets_fitting_requests_pass_first_and_only_those_count() -> None:
    book = FaultBook(CLOCK)
    book.add(Fault(Service.CARD, code="6F00", match="HBA * 00B0????", skip=2))
    lines = ["HBA 80276 CT-1 00B08400", "HBA 80276 CT-1 00A4040C", "HBA 80276 CT-1 00B08400", "SMC-B 1 CT-1 00B08400"]
    assert [book.take(Service.CARD, line) for line in lines] == [None] * 4
    assert book.expected(Service.CARD, lines[0]) is not None
    struck = book.take(Service.CARD, lines[0])
    assert struck is not None
    assert (struck.status_word, struck.seen, struck.used) == (0x6F00, 3, 1)
    assert not book


def test_signs_of_regular_expressions_mean_themselves() -> None:
    assert not Fault(Service.UFS, drop=True, match="a.c*").fits("abc")
    assert Fault(Service.UFS, drop=True, match="a.c*").fits("a.cd")
    assert Fault(Service.UFS, drop=True, match="(x)?").fits("(x)y")


@pytest.mark.parametrize("match", ["HBA * 00B0", "*b?a*", "a*ab*b", "**", "?", "a*?", "b*a*b*c"])
def test_stars_stand_for_any_characters(match: str) -> None:
    for line in ("HBA 80276 CT-1 00B08400", "aabab", "abba", "", "bcab", "bab c"):
        assert Fault(Service.UFS, drop=True, match=match).fits(line) is fnmatchcase(line, f"*{match}*")


def test_many_stars_are_compared_in_no_time() -> None:
    many = "*".join("0" * 60)
    assert Fault(Service.UFS, drop=True, match=many).fits("0" * 60)
    assert not Fault(Service.UFS, drop=True, match=many + "*x").fits("0" * 200)


def test_the_oldest_fitting_fault_comes_first_and_stays_until_cleared() -> None:
    book = FaultBook(CLOCK)
    first = book.add(Fault(Service.OCSP, code="revoked", times=None))
    book.add(Fault(Service.OCSP, code="unknown"))
    taken = [book.take(Service.OCSP, "1") for _ in range(3)]
    assert [fault and fault.number for fault in taken] == [first.number] * 3
    assert book.clear(lambda fault: fault.service is Service.TSL) == 0
    assert book.clear() == 2
    assert book.take(Service.OCSP, "1") is None


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"service": "ufs"},
        {"service": "nobody", "drop": True},
        {"service": "ufs", "drop": True, "code": "11101"},
        {"service": "ufs", "code": "11999", "http": 500},
        {"service": "ufs", "code": "12105"},
        {"service": "ufs", "http": 200},
        {"service": "ufs", "http": "500"},
        {"service": "ufs", "http": True},
        {"service": "ufs", "delay": -1},
        {"service": "ufs", "delay": 1e9},
        {"service": "ufs", "drop": True, "times": -1},
        {"service": "ufs", "drop": True, "match": "x" * 201},
        {"service": "ufs", "drop": True, "what": 1},
        {"service": "ufs", "drop": True, "skip": -1},
        {"service": "ufs", "code": "6F00"},
        {"service": "ufs", "code": "11101", "lasts": 1},
        {"service": "card", "code": "6f00"},
        {"service": "card", "code": "1234"},
        {"service": "card", "drop": True},
        {"service": "card", "http": 500},
        {"service": "card", "code": "defective", "times": 1},
        {"service": "card", "code": "pulled", "lasts": 0},
        {"service": "keypad", "drop": True},
        {"service": "network", "code": "6F00"},
        {"service": "time", "code": "silent", "offset": 60},
        {"service": "time", "http": 503},
        {"service": "time", "drop": True},
        {"service": "ksr", "offset": 60},
        {"service": "random", "code": "stuck", "times": 1},
        {"service": "random", "code": "stuck", "delay": 1},
        {"service": "random", "delay": 1, "times": 0},
        {"service": "random", "drop": True},
        {"service": "random", "http": 500},
    ],
)
def test_impossible_faults_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BadFault):
        Fault.from_document(document)


def test_faults_are_bounded() -> None:
    book = FaultBook(CLOCK)
    for _ in range(FAULTS_MAX):
        book.add(Fault(Service.TSL, drop=True))
    with pytest.raises(BadFault):
        book.add(Fault(Service.TSL, drop=True))


@pytest.mark.parametrize(("service", "code"), [(service, code) for service in Service for code in CODES[service]])
def test_every_code_makes_a_fault(service: Service, code: str) -> None:
    fault = Fault.from_document({"service": service.value, "code": code, "times": 0})
    assert (fault.code, fault.times) == (code, None)


def test_the_journal_counts_and_forgets_the_oldest() -> None:
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    journal = Journal(clock)
    write = journal.begin("ufs")
    clock.advance(0.25)
    entry = write("GetUpdateFlags", "80276", "2 flags", fault=3)
    assert (entry.number, entry.seconds, entry.fault) == (1, 0.25, 3)
    for _ in range(ENTRIES_MAX):
        journal.begin("ocsp")("OCSP", "1", "good")
    assert journal.last == ENTRIES_MAX + 1
    assert len(list(journal.since())) == ENTRIES_MAX
    assert list(journal.since(service="ufs")) == []
    assert [found.number for found in journal.since(ENTRIES_MAX)] == [ENTRIES_MAX + 1]


@pytest.mark.parametrize("offset", ["NaN", "Infinity", "1e400", "1" + "0" * 400, "true", '"1"', "0"])
async def test_a_time_that_is_none_is_refused(lab: Lab, http: httpx.AsyncClient, offset: str) -> None:
    answer = await http.post("/faults", content=f'{{"service": "time", "offset": {offset}}}')
    assert answer.status_code == 400
    assert not lab.faults


async def test_over_the_control_port(lab: Lab, http: httpx.AsyncClient) -> None:
    added = await http.post("/faults", json={"service": "ufs", "code": "11101", "delay": 0.5, "times": 2})
    assert (added.status_code, added.json()["number"], added.json()["used"]) == (201, 1, 0)
    assert (await http.get("/faults")).json()["faults"] == [added.json()]
    assert (await http.request("DELETE", "/faults?number=7")).json() == {"cleared": 0}
    assert (await http.request("DELETE", "/faults?number=x")).status_code == 400
    lab.faults.take(Service.UFS, "GetUpdateFlags 80276")
    fired = (await http.get("/faults")).json()["fired"]
    assert [(each["fault"], each["service"], each["line"]) for each in fired] == [(1, "ufs", "GetUpdateFlags 80276")]
    refused = await http.post("/faults", json={"service": "ufs", "code": "4711"})
    assert refused.status_code == 400
    assert "11101" in refused.json()["error"]
    assert (await http.request("DELETE", "/faults?service=ocsp")).json() == {"cleared": 0}
    assert (await http.request("DELETE", "/faults?service=nobody")).status_code == 400
    assert (await http.request("DELETE", "/faults")).json() == {"cleared": 1}
    lab.journal.begin("ufs")("GetUpdateFlags", "80276", "no flags")
    answer = (await http.get("/journal?service=ufs")).json()
    assert (answer["last"], answer["test_data"]) == (1, True)
    assert answer["entries"][0]["operation"] == "GetUpdateFlags"
    assert (await http.get("/journal?since=1")).json()["entries"] == []
    assert (await http.get("/journal?since=-1")).status_code == 400
