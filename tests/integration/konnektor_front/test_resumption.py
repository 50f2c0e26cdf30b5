"""TLS sessions that are resumed, and those that must not be: tickets (TLS 1.3, 1.2) and session ids (TLS 1.2)."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.integration.konnektor_front.houses import PATH, Build, House
from tests.integration.konnektor_front.http1 import get
from tiaas.konnektor.identity import IssuedClient
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind
from tiaas.konnektor.keykind import KeyKind

Context = Callable[[House, IssuedClient], ssl.SSLContext]


def tls13(house: House, client: IssuedClient) -> ssl.SSLContext:
    return house.tls(client)


def tls12_ticket(house: House, client: IssuedClient) -> ssl.SSLContext:
    return house.tls(client, tls12=True)


def tls12_id(house: House, client: IssuedClient) -> ssl.SSLContext:
    context = house.tls(client, tls12=True)
    context.options |= ssl.OP_NO_TICKET
    return context


WAYS = pytest.mark.parametrize("way", [tls13, tls12_ticket, tls12_id])


def ask(house: House, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> tuple[ssl.SSLSession, bool]:
    """One request on a connection of its own: the session for the next one, and whether this one was resumed."""
    with (
        socket.create_connection((house.host, house.port), 10) as line,
        context.wrap_socket(line, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(get(PATH))
        # In TLS 1.3 a refusal and the tickets come with the first octets.
        answer = connection.recv(4096)
        if not answer:
            raise ConnectionResetError
        assert answer.startswith(b"HTTP/1.1 200")
        session, reused = connection.session, bool(connection.session_reused)
        # Without a close_notify OpenSSL forgets a session id (RFC 5246, 7.2.1); tickets live on.
        with suppress(OSError):
            connection.unwrap()
        assert session is not None
        return session, reused


@WAYS
async def test_a_client_comes_back_without_a_full_handshake(build: Build, way: Context) -> None:
    house = await build()
    context = way(house, house.client)
    session, resumed = await asyncio.to_thread(ask, house, context)
    assert not resumed
    for _ in range(3):
        session, resumed = await asyncio.to_thread(ask, house, context, session)
        assert resumed


@WAYS
@pytest.mark.requirement("TIP1-A_5009")
async def test_a_removed_certificate_does_not_resume_the_others_shake_hands_anew(build: Build, way: Context) -> None:
    house = await build()
    other = await house.gate.identity.issue_client("d", KeyKind.P256)
    await house.bind(other.fingerprint, "d")
    gone, stays = way(house, house.client), way(house, other)
    its_session, _ = await asyncio.to_thread(ask, house, gone)
    session, _ = await asyncio.to_thread(ask, house, stays)

    def without(model: InfoModel) -> InfoModel:
        return model.change(Kind.CLIENT, ClientSystem("c", ()))

    await house.gate.model.apply(without)
    house.reception.clients_changed()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(ask, house, gone, its_session)
    session, resumed = await asyncio.to_thread(ask, house, stays, session)
    assert not resumed
    _, resumed = await asyncio.to_thread(ask, house, stays, session)
    assert resumed


@WAYS
async def test_a_session_is_worth_nothing_at_another_instance(build: Build, way: Context) -> None:
    first = await build("a")
    second = await build("b", host="127.0.0.2")
    context = way(first, first.client)
    session, _ = await asyncio.to_thread(ask, first, context)
    context.load_verify_locations(cadata=second.gate.identity.ca_pem().decode())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(ask, second, context, session)
