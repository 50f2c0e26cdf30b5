"""Names of the TI by its name servers (gemSpec_Kon V5.18 TUC_KON_361): what they say, and what shows of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.admin.desk import Desk, open_desk
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.client.admin import connect_admin
from tiaas.interfaces.dns import NameAnswer, Question, RecordType, decode_question_untrusted, encode_answer
from tiaas.interfaces.management.system import Reachability, ReachabilityTest
from tiaas.konnektor import names
from tiaas.konnektor.config import Address, TiAccess
from tiaas.konnektor.names import NameNotResolved, Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.protocol import LogName, LogType, Query

HOST = "ocsp.komp-ca.telematik-test"
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Knows the addresses of `known`; answers with `rcode`, with `octets`, or not at all.

    One that is confused first sends the answer to another question.
    """

    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rcode: int = 0
    octets: bytes = b""
    silent: bool = False
    confused: bool = False
    asked: list[str] = field(default_factory=list)

    async def start(self) -> Address:
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return Address("127.0.0.1", self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = decode_question_untrusted(data)
        self.asked.append(question.name)
        if self.silent:
            return
        is_6 = question.kind is RecordType.AAAA
        has = tuple(each for each in self.known.get(question.name, ()) if (":" in each) is is_6)
        if self.confused:
            other = Question(question.id, "other.telematik-test", question.kind)
            self.transport.sendto(encode_answer(other, NameAnswer(0, ("127.0.0.9",))), addr)
        answer = encode_answer(question, NameAnswer(self.rcode, () if self.rcode else has))
        self.transport.sendto(question.id + self.octets if self.octets else answer, addr)


@pytest.fixture
async def servers() -> AsyncIterator[list[NameServer]]:
    both = [NameServer({HOST: ("127.0.0.1",)}), NameServer({HOST: ("127.0.0.1",)})]
    yield both
    for server in both:
        server.transport.close()


@pytest.fixture
async def resolver(servers: list[NameServer], monkeypatch: pytest.MonkeyPatch) -> Names:
    monkeypatch.setattr(names, "QUESTION_SECONDS", 1.5)
    return Names(tuple([await server.start() for server in servers]), Network().datagrams, ENTROPY)


async def _code(resolver: Names, host: str = HOST) -> tuple[int, str]:
    with pytest.raises(NameNotResolved) as failed:
        await resolver.resolve(host)
    return failed.value.error.code, failed.value.detail


async def test_servers_are_asked_in_turn_and_for_names_of_the_ti_only(
    resolver: Names, servers: list[NameServer]
) -> None:
    first, second = servers
    assert await resolver.resolve(HOST.upper() + ".") == ["127.0.0.1"]
    assert (first.asked, second.asked) == ([HOST], [])
    first.confused = True
    assert await resolver.resolve(HOST) == ["127.0.0.1"]
    assert second.asked == []
    first.rcode, first.confused = SERVFAIL, False
    assert await resolver.resolve(HOST) == ["127.0.0.1"]
    first.rcode, first.silent = 0, True
    assert await resolver.resolve(HOST) == ["127.0.0.1"]
    first.silent = False
    first.octets = b"\x81\x80"
    assert await resolver.resolve(HOST) == ["127.0.0.1"]
    first.octets, first.known = b"", {HOST: ("::1",)}
    assert await resolver.resolve(HOST) == ["::1"]
    first.known = {}
    with pytest.raises(OSError, match="no address"):
        await resolver.resolve(HOST)
    asked = len(first.asked)
    assert "127.0.0.1" in await resolver.resolve("localhost")
    assert len(first.asked) == asked


@pytest.mark.code(4179, 4180)
async def test_what_name_servers_say_is_the_detail(resolver: Names, servers: list[NameServer]) -> None:
    first, second = servers
    first.rcode = NXDOMAIN
    assert await _code(resolver) == (4180, "NXDOMAIN")
    assert second.asked == [], "there is no such name"
    first.rcode, second.rcode = SERVFAIL, REFUSED
    assert await _code(resolver) == (4180, "REFUSED")
    second.rcode, second.octets = 0, b"\x81\x80"
    assert await _code(resolver) == (4180, "a packet is too short")
    assert (await _code(resolver, f"{'x' * 64}.telematik-test"))[0] == 4180
    for server in servers:
        server.silent = True
    assert await _code(resolver) == (4179, "no answer in time")


@pytest.fixture
async def desk(tmp_path: Path, servers: list[NameServer], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(names, "QUESTION_SECONDS", 1.5)
    async with open_desk(tmp_path, TiAccess(dns=tuple([await server.start() for server in servers]))) as opened:
        yield opened


@pytest.mark.code(4179, 4180)
async def test_an_administrator_is_told_and_the_log_has_it_once(desk: Desk, servers: list[NameServer]) -> None:
    own = desk.node.admin_address("a")
    assert own is not None
    async with connect_admin(desk.access()) as chief:

        async def reach() -> Reachability:
            return await chief.change("POST", "/system/reachability", ReachabilityTest(HOST, own.port), Reachability)

        assert (await reach()).is_reachable
        servers[0].rcode = NXDOMAIN
        told = [(await reach()).reason for _ in range(2)]
        for server in servers:
            server.silent = True
        told.append((await reach()).reason)
    unresolved = "4180 DNS: Es ist ein Fehler bei der Namensauflösung aufgetreten: NXDOMAIN"
    silent = "4179 DNS: Anfrage wurde wegen Timeout abgebrochen.: no answer in time"
    assert told == [unresolved, unresolved, silent]
    for code, detail in ((4180, "NXDOMAIN"), (4179, "no answer in time")):
        (entry,) = await desk.instance.context.protocol.entries(LogName(LogType.OPERATION), Query(code=code))
        assert dict(entry.parameters) == {"Hostname": HOST, "Detail": detail}
