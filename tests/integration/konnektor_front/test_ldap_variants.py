"""Who gets in to the LDAP proxy: variants LDAP1 to LDAP4 (A_21224-01, TAB_KON_865-01), on real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.integration.konnektor_front.houses import Build, House
from tiaas.interfaces.ldap_v3 import (
    FrameReader,
    Message,
    Operation,
    ResultCode,
    bind_request,
    decode_message_untrusted,
    decode_result_untrusted,
)
from tiaas.konnektor.config import Address, AuthenticationMode, ClientAccess, InstanceConfig, LdapVariant, TiAccess
from tiaas.konnektor.identity import IssuedClient
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.ldapproxy import LdapProxy
from tiaas.konnektor.onlinemode import OnlineMode

pytestmark = pytest.mark.requirement("A_21224-01")

PLAIN = ClientAccess(tls_mandatory=False)


class Directory:
    """A directory that is there and says nothing: dialer and upstream in one."""

    is_closed = False

    def may(self) -> bool:
        return True

    async def open(self, listener: object) -> "Directory":
        return self

    def send(self, frame: bytes) -> None:
        return

    def hold(self, wait: bool) -> None:
        return

    def abort(self) -> None:
        return


@dataclass
class Proxied:
    """A house and its proxy."""

    house: House
    proxy: LdapProxy

    async def bind(self, client: IssuedClient | None, *, plain: bool = False) -> int:
        """The result code of an anonymous bind. Raises what TLS raises."""
        address = self.proxy.plain if plain else self.proxy.address
        assert address is not None
        context = None if plain else self.house.tls(client)
        name = None if plain else "localhost"
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname=name)
        try:
            writer.write(Message(1, Operation.BIND_REQUEST, bind_request()).encode())
            async with asyncio.timeout(60):
                data = await reader.read(1000)
        finally:
            writer.transport.abort()
        if not data:
            raise ConnectionResetError
        (frame,) = FrameReader(1000).feed_untrusted(data)
        return decode_result_untrusted(decode_message_untrusted(frame).body).code


@pytest.fixture
async def proxied(build: Build, ingress: Ingress) -> AsyncIterator[Any]:
    """Makes a house with a proxy: `await proxied(access)`."""
    made: list[LdapProxy] = []

    async def make(access: ClientAccess) -> Proxied:
        access = replace(access, weaker_allowed=True)
        more = {} if access.tls_mandatory else {"plain": Address("127.0.0.1", 0)}
        house = await build("a", access=access, **more)
        config = InstanceConfig(
            "a", Address("127.0.0.1", 0), plain=Address("127.0.0.1", 0), ldap=Address("127.0.0.1", 0),
            ldap_plain=Address("127.0.0.1", 0), access=access, ti=TiAccess(vzd="ldaps://127.0.0.1:1"),
        )  # fmt: skip
        nobody: Any = type("Nobody", (), {"check_directory": None, "holds": None, "on_change": print})()
        proxy = LdapProxy.build(config, house.gate, nobody, nobody, nobody, OnlineMode(True))
        assert proxy is not None
        directory: Any = Directory()
        proxy.dialer = directory
        await proxy.open(ingress)
        made.append(proxy)
        return Proxied(house, proxy)

    yield make
    for proxy in made:
        await proxy.close(ingress)


REFUSED = (ssl.SSLError, ConnectionError)


@pytest.mark.requirement("TIP1-A_5516")
async def test_the_doors_follow_MGM_LU_ONLINE_at_once(proxied: Any) -> None:
    made: Proxied = await proxied(PLAIN)
    online = made.proxy._online
    before = (made.proxy.address, made.proxy.plain)
    assert await made.bind(None, plain=True) == 0
    online.switch(False)
    await made.proxy.follow()
    for plain in (False, True):
        with pytest.raises(REFUSED):
            await made.bind(None, plain=plain)
    assert not made.proxy.is_open
    online.switch(True)
    await made.proxy.follow()
    assert (made.proxy.address, made.proxy.plain) == before
    assert await made.bind(None) == 0
    assert await made.bind(None, plain=True) == 0


@pytest.mark.parametrize(
    ("access", "variant"),
    [
        (ClientAccess(), LdapVariant.CERTIFICATE),
        (ClientAccess(mode=AuthenticationMode.PASSWORD), LdapVariant.CERTIFICATE),
        (ClientAccess(ldap_authentication=False), LdapVariant.TLS_WITHOUT_CERTIFICATE),
        (ClientAccess(authentication_mandatory=False), LdapVariant.TLS_ONLY),
        (ClientAccess(authentication_mandatory=False, ldap_authentication=False), LdapVariant.TLS_ONLY),
        (PLAIN, LdapVariant.PLAIN_TOO),
        (replace(PLAIN, ldap_authentication=False), LdapVariant.PLAIN_TOO),
    ],
)
async def test_a_client_without_certificate(proxied: Any, access: ClientAccess, variant: LdapVariant) -> None:
    assert access.ldap_variant is variant
    made: Proxied = await proxied(access)
    if variant is LdapVariant.CERTIFICATE:
        with pytest.raises(REFUSED):
            await made.bind(None)
        assert await made.bind(made.house.client) == 0
    else:
        assert await made.bind(None) == 0
    if variant is LdapVariant.PLAIN_TOO:
        assert await made.bind(None, plain=True) == 0
    else:
        assert made.proxy.plain is None


async def test_a_removed_client_is_out_at_once(proxied: Any) -> None:
    made: Proxied = await proxied(ClientAccess())
    address = made.proxy.address
    context = made.house.tls(made.house.client)
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname="localhost")
    writer.write(Message(1, Operation.BIND_REQUEST, bind_request()).encode())
    assert await reader.read(1000)

    def without(model: InfoModel) -> InfoModel:
        return model.change(Kind.CLIENT, ClientSystem("c", ()))

    await made.house.gate.model.apply(without)
    made.proxy.clients_changed()
    async with asyncio.timeout(60):
        with pytest.raises((*REFUSED, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.transport.abort()
    with pytest.raises(REFUSED):
        await made.bind(made.house.client)


@pytest.mark.requirement("TIP1-A_4510-04")
async def test_a_connection_ends_when_the_state_allows_no_way_into_the_ti(proxied: Any) -> None:
    made: Proxied = await proxied(ClientAccess())
    address = made.proxy.address
    context = made.house.tls(made.house.client)
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname="localhost")
    writer.write(Message(1, Operation.BIND_REQUEST, bind_request()).encode())
    assert await reader.read(1000)
    made.proxy.permission_changed()
    directory: Any = made.proxy.dialer
    directory.may = lambda: False
    made.proxy.permission_changed()
    async with asyncio.timeout(60):
        (frame,) = FrameReader(1000).feed_untrusted(await reader.read())
    assert decode_result_untrusted(decode_message_untrusted(frame).body).code == ResultCode.UNAVAILABLE
    writer.transport.abort()
