"""Whole instances on a node: boot, services over SOAP, clients of the model, takeover by another node."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.konnektor_front.houses import CLOCK, ENTROPY, GET_CARDS, PATH
from tests.integration.konnektor_front.http1 import Answer, exchange, get, post
from tiaas.base.secret import Secret
from tiaas.konnektor.config import (
    Address,
    AuthenticationMode,
    BadInstanceConfig,
    ClientAccess,
    InstanceConfig,
)
from tiaas.konnektor.identity import IssuedClient
from tiaas.konnektor.infomodel import ClientSystem, ConstraintViolated, InfoModel, Kind, Relation
from tiaas.konnektor.ingress import AddressTaken
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.issuing import create_ca, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.node import InstanceRuns, Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.store import StaleEpochWrite
from tiaas.konnektor.trust import TrustSpace

TRUST = TrustSpace((), (), ())


def provision() -> Provision:
    ca = create_ca("test", CLOCK.now(), ENTROPY)
    return Provision(TRUST, issue_server(ca, KeyKind.BRAINPOOL_P256, ("sak",), CLOCK.now(), ENTROPY))


def config(name: str, host: str = "127.0.0.1", port: int = 0, access: ClientAccess | None = None) -> InstanceConfig:
    return InstanceConfig(name, Address(host, port), access=access or ClientAccess())


def practice(model: InfoModel) -> InfoModel:
    return (
        model.add(Kind.MANDANT, "m")
        .add(Kind.CLIENT, ClientSystem("c"))
        .add(Kind.WORKPLACE, "w")
        .link(Relation.MANDANT_CLIENT, "m", "c")
        .link(Relation.MANDANT_WORKPLACE, "m", "w")
        .link(Relation.CS_AP, "m", "c", "w")
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "node.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
async def node(store: SqliteStore) -> AsyncIterator[Node]:
    made = Node(store, CLOCK, ENTROPY)
    yield made
    await made.stop()


async def call(instance: Instance, client: IssuedClient | None, request: bytes, folder: Path) -> Answer:
    context = ssl.create_default_context(cadata=instance.identity.ca_pem().decode())
    if client is not None:
        pem = folder / f"{client.fingerprint[:12]}.pem"
        pem.write_bytes(client.certificate_pem() + client.key_pem().reveal())
        context.load_cert_chain(pem)
    address = instance.reception.address
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        return await exchange(reader, writer, request)
    finally:
        writer.close()


async def test_get_cards_of_a_new_instance_and_its_directory(node: Node, tmp_path: Path) -> None:
    instance = await node.add(config("a"), provision())
    await instance.model.apply(practice)
    client = await instance.issue_client("c")
    answer = await call(instance, client, post(PATH, GET_CARDS), tmp_path)
    assert answer.status == 200, answer.body
    assert b">OK<" in answer.body
    directory = (await call(instance, client, get("/connector.sds"), tmp_path)).body.decode()
    for service in ("EventService", "CardService", "CertificateService", "VSDService"):
        assert f'Location="https://localhost:{instance.reception.address.port}/ws/{service}"' in directory


async def test_a_certificate_of_another_clientsystem_is_4204(node: Node, tmp_path: Path) -> None:
    instance = await node.add(config("a"), provision())
    await instance.model.apply(practice)
    await instance.model.apply(lambda model: model.add(Kind.CLIENT, ClientSystem("d")))
    answer = await call(instance, await instance.issue_client("d"), post(PATH, GET_CARDS), tmp_path)
    assert b">4204<" in answer.body


async def test_unknown_mandant_is_4021_outside_and_4004_in_the_log(
    node: Node, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    instance = await node.add(config("a"), provision())
    await instance.model.apply(practice)
    client = await instance.issue_client("c")
    answer = await call(instance, client, post(PATH, GET_CARDS.replace(b">m<", b">x<")), tmp_path)
    assert b">4021<" in answer.body
    assert b">4004<" not in answer.body
    assert 4004 in {getattr(record, "code", None) for record in caplog.records}


async def test_everything_is_there_after_a_restart(node: Node, store: SqliteStore, tmp_path: Path) -> None:
    instance = await node.add(config("a"), provision())
    await instance.model.apply(practice)
    client = await instance.issue_client("c", KeyKind.RSA_2048)
    port = instance.reception.address.port
    await node.remove("a")
    again = await node.add(config("a", port=port), Provision(TRUST))
    assert (await call(again, client, post(PATH, GET_CARDS), tmp_path)).status == 200
    assert again.identity.server.certificate == instance.identity.server.certificate
    await again.revoke_client(client.fingerprint)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await call(again, client, post(PATH, GET_CARDS), tmp_path)
    with pytest.raises(InstanceRuns):
        await node.add(config("a"), Provision(TRUST))


async def test_after_a_takeover_the_old_node_cannot_write(node: Node, store: SqliteStore) -> None:
    old = await node.add(config("a"), provision())
    other = Node(store, CLOCK, ENTROPY)
    try:
        new = await other.add(config("a", "127.0.0.2"), Provision(TRUST))
        await new.model.apply(practice)
        with pytest.raises(StaleEpochWrite):
            await old.model.apply(practice)
        with pytest.raises(StaleEpochWrite):
            await old.identity.issue_client("c", KeyKind.P256)
        assert not old.model.current.mandanten
    finally:
        await other.stop()


async def test_a_start_that_fails_leaves_nothing_behind(node: Node) -> None:
    with pytest.raises(BadInstanceConfig, match=r"ID\.SAK\.AUT"):
        await node.add(config("a"), Provision(TRUST))
    first = await node.add(config("a"), provision())
    taken = first.reception.address
    with pytest.raises(AddressTaken):
        await node.add(config("b", taken.host, taken.port), provision())
    assert set(node.instances) == {"a"}
    second = await node.add(config("b"), provision())
    assert second.url != first.url


async def test_clients_of_clientsystems_that_do_not_exist(node: Node) -> None:
    instance = await node.add(config("a"), provision())
    with pytest.raises(ConstraintViolated):
        await instance.issue_client("nobody")
    assert not instance.identity.client_certificates


async def test_basic_users_are_bound_to_a_clientsystem(node: Node, tmp_path: Path) -> None:
    access = ClientAccess(mode=AuthenticationMode.PASSWORD, weaker_allowed=True)
    instance = await node.add(config("a", access=access), provision())
    await instance.model.apply(practice)
    for password in (b"eins", b"zwei"):
        await instance.put_basic_user("c", "praxis", Secret(password))
    headers = {"eins": 401, "zwei": 200}
    for password_text, status in headers.items():
        field = "Authorization: Basic " + b64encode(f"praxis:{password_text}".encode()).decode()
        assert (await call(instance, None, post(PATH, GET_CARDS, field), tmp_path)).status == status
