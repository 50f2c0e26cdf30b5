"""The way to the registration service: HTTPS with the identity of an SM-B (C.HCI.AUT), to C.ZD.TLS-S with the role
oid_vpnz_ti (gemSpec_VPN_ZugD V1.21.0 Tab_ZD_registerKonnektor).

A connection is opened for each request: there are few of them, and each may be with another card.
"""

import asyncio

from tiaas.konnektor.cardtls import CardIdentity, CardTls, Handshakes, TlsFailed
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.konnektor.registration.requests import ANSWER_OCTETS, NotRegistered
from tiaas.konnektor.servercheck import is_for_host
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.web import split_web_url
from tiaas.pki.oids import Role
from tiaas.soap.client import SoapRequest
from tiaas.soap.httpanswer import AnswerReader, BadHttp, HttpAnswer, write_http_request

_SECONDS = 30.0
_SERVER_REFUSED, _OTHER_ROLE = 4156, 4220


class RegistrationClient:
    """Speaks with the service at `url` (MGM_ZGDP_REGSERVER). Raises `BadInstanceConfig`."""

    def __init__(self, url: str, network: Network, handshakes: Handshakes, trust: Trust) -> None:
        self.url = url
        self._origin, self._path = split_web_url(url, ("https",))
        self._trust = trust
        self._tls = CardTls(network, self._judge, handshakes)

    def close(self) -> None:
        """No more connections."""
        self._tls.close()

    async def post(self, request: SoapRequest, identity: CardIdentity) -> HttpAnswer:
        """Sends a request. Raises `NotRegistered`: no connection, no answer, or one of the two was refused in TLS."""
        fields = (("Host", self._origin.authority), *request.headers)
        octets = write_http_request("POST", self._path, fields, request.body)
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._exchange(octets, identity)
        except TimeoutError:
            raise NotRegistered("the registration service does not answer in time") from None
        except TlsFailed as error:
            raise NotRegistered(f"the registration service: {error.reason}", error.code) from error
        except BadHttp:
            raise NotRegistered("the registration service does not speak HTTP") from None

    async def _exchange(self, octets: bytes, identity: CardIdentity) -> HttpAnswer:
        connection = await self._tls.open(self._origin.host, self._origin.port, identity)
        try:
            await connection.write(octets)
            reader, answer = AnswerReader(ANSWER_OCTETS), None
            while answer is None:
                answer = reader.feed_untrusted(await connection.read())
            return answer
        finally:
            connection.close()

    async def _judge(self, chain: tuple[bytes, ...], host: str) -> None:
        der = chain[0] if chain else b""
        verdict = await self._trust.check_central_service(der)
        if verdict.result is not Result.VALID or not is_for_host(der, host):
            raise KonnektorError(_SERVER_REFUSED)
        if Role.VPNZ_TI.oid not in verdict.roles:
            raise KonnektorError(_OTHER_ROLE)
