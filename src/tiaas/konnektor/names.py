"""Host names of an instance's peers become addresses (gemSpec_Kon V5.18 TUC_KON_361; gemF_Highspeed-Konnektor, DNS).

Names of the TI are asked at the servers that are configured for it (DNS_SERVERS_TI), if there are any, in turn; all
other names, those of terminals in a practice before all, are the machine's business, but for the domains of `forwards`,
which have servers of their own (TAB_KON_687). A name of the TI that has an address of IPv4 is not asked for one of
IPv6, which the TI does not use yet.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Mapping

from tiaas.base.entropy import Entropy
from tiaas.interfaces.dns import (
    ID_SIZE,
    RCODES,
    BadDns,
    NameAnswer,
    OtherQuestion,
    Question,
    RecordType,
    decode_answer_untrusted,
    encode_question,
)
from tiaas.konnektor.config import Address
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError

DNS_TIMEOUT, DNS_FAILURE = 4179, 4180
QUESTION_SECONDS = 2.0
"""How long one server is waited for."""
TI_DOMAINS = frozenset({"telematik", "telematik-test", "ti-wa", "ti-wa-test"})
"""TAB_KON_687: name spaces whose forwarders are DNS_SERVERS_TI."""
_NXDOMAIN = 3
_REMEMBERED = 256

Datagrams = Callable[[str, int, Callable[[], asyncio.DatagramProtocol]], Awaitable[asyncio.DatagramTransport]]


class NameNotResolved(OSError):
    """No address of a host is known; `code` is 4179 or 4180, `detail` what DNS said."""

    def __init__(self, code: int, detail: str) -> None:
        self.error = KonnektorError(code, detail)
        self.detail = detail
        super().__init__(errno.EADDRNOTAVAIL, f"{self.error}: {detail}")


class Names:
    """Resolves names. A name that cannot be resolved stands in `errors` once, until it can.

    `datagrams` opens a UDP socket to a server, as `Network.datagrams` does.
    """

    def __init__(self, servers: tuple[Address, ...], datagrams: Datagrams, entropy: Entropy) -> None:
        self.errors: ErrorLog | None = None
        self.forwards: Mapping[str, tuple[Address, ...]] = {}
        """DNS_SERVERS_BESTANDSNETZE: servers by the domain, in small letters, whose names they know."""
        self._servers = servers
        self._datagrams = datagrams
        self._entropy = entropy
        self._failing: dict[str, int] = {}

    async def resolve(self, name: str) -> list[str]:
        """The addresses of a host, at least one. Raises `NameNotResolved`, and `OSError` if it has none."""
        servers = self._servers_for(name.rstrip(".").lower())
        try:
            found = await (self._of_servers(servers, name) if servers else _of_machine(name))
        except NameNotResolved as error:
            self._tell(name, error)
            raise
        self._failing.pop(name, None)
        if not found:
            raise OSError(errno.EADDRNOTAVAIL, "the name has no address")
        return found

    def _tell(self, name: str, error: NameNotResolved) -> None:
        code = error.error.code
        if self._failing.get(name) == code or self.errors is None:
            return
        if len(self._failing) >= _REMEMBERED:
            self._failing.clear()
        self._failing[name] = code
        told = (("Hostname", name), ("Detail", error.detail))
        self.errors.write_error(LoggedError(error.error, "", "", told))

    def _servers_for(self, name: str) -> tuple[Address, ...]:
        """The configured ones; none: the machine's."""
        if name.rpartition(".")[2] in TI_DOMAINS:
            return self._servers
        rest = name
        while rest and self.forwards:
            if rest in self.forwards:
                return self.forwards[rest]
            rest = rest.partition(".")[2]
        return ()

    async def _of_servers(self, servers: tuple[Address, ...], name: str) -> list[str]:
        answer = await self._ask(servers, name, RecordType.A)
        if not answer.addresses:
            answer = await self._ask(servers, name, RecordType.AAAA)
        return list(answer.addresses)

    async def _ask(self, servers: tuple[Address, ...], name: str, kind: RecordType) -> NameAnswer:
        """The answer of the first server that has one. Raises `NameNotResolved`: 4179 if all are silent."""
        failure = NameNotResolved(DNS_TIMEOUT, "no answer in time")
        for server in servers:
            try:
                async with asyncio.timeout(QUESTION_SECONDS):
                    answer = await self._ask_one(server, name, kind)
            except TimeoutError:
                continue
            except BadDns as error:
                failure = NameNotResolved(DNS_FAILURE, error.reason)
                continue
            except OSError as error:
                failure = NameNotResolved(DNS_FAILURE, error.strerror or type(error).__name__)
                continue
            if answer.rcode == 0:
                return answer
            failure = NameNotResolved(DNS_FAILURE, RCODES.get(answer.rcode, f"RCODE {answer.rcode}"))
            if answer.rcode == _NXDOMAIN:
                break
        raise failure

    async def _ask_one(self, server: Address, name: str, kind: RecordType) -> NameAnswer:
        """Raises `BadDns`, `OSError`."""
        question = Question(self._entropy.octets(ID_SIZE), name.rstrip(".").lower(), kind)
        waiting: asyncio.Future[NameAnswer] = asyncio.get_running_loop().create_future()
        packet = encode_question(question)
        transport = await self._datagrams(server.host, server.port, lambda: _Reply(waiting, question))
        try:
            transport.sendto(packet)
            return await waiting
        finally:
            transport.close()


class _Reply(asyncio.DatagramProtocol):
    """The first datagram with the question and its id; others are somebody else's."""

    def __init__(self, waiting: asyncio.Future[NameAnswer], question: Question) -> None:
        self._waiting = waiting
        self._question = question

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._waiting.done() or data[:ID_SIZE] != self._question.id:
            return
        try:
            self._waiting.set_result(decode_answer_untrusted(data, self._question))
        except OtherQuestion:
            return
        except BadDns as error:
            self._waiting.set_exception(error)

    def error_received(self, exc: Exception) -> None:
        if not self._waiting.done():
            self._waiting.set_exception(exc)


async def _of_machine(name: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        code = DNS_TIMEOUT if error.errno == socket.EAI_AGAIN else DNS_FAILURE
        raise NameNotResolved(code, error.strerror or "no answer") from None
    except UnicodeError:
        raise NameNotResolved(DNS_FAILURE, "this is no name of a host") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
