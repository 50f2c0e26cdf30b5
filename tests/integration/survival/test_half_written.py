"""A client's files of which a start had written only some when it ended: the next start makes them fit together."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs12

from tests.integration.konnektor_front.houses import CLOCK, ENTROPY
from tests.integration.konnektor_front.test_node import config, provision
from tiaas.cli import onboard
from tiaas.client.admin import AdminAccess, connect_admin
from tiaas.interfaces.management.clientsystems import KeyType
from tiaas.konnektor.admin.users import FirstAdmin, make_token
from tiaas.konnektor.config import Address
from tiaas.konnektor.infomodel import ClientSystem, Kind
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.lab.practice import Practice
from tiaas.lab.ready import ClientEntry, write_private
from tiaas.lab.store import LabStore

TOKEN = make_token(ENTROPY)


class Ended(BaseException):
    """kill -9 for a unit: nothing that could tidy up runs."""


@dataclass(frozen=True)
class Here:
    """An instance, and how it is managed."""

    instance: Instance
    access: AdminAccess


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    store = await SqliteStore.open(tmp_path / "konnektor.sqlite")
    node = Node(store, CLOCK, ENTROPY)
    given = replace(provision(), first_admin=FirstAdmin.of("lab", TOKEN))
    instance = await node.add(config("a"), given)
    await node.manage("a", Address("127.0.0.1", 0))
    await instance.model.apply(lambda model: model.add(Kind.CLIENT, ClientSystem("pvs-1")))
    address = node.admin_address("a")
    yield Here(instance, AdminAccess(f"https://{address}", instance.identity.ca_pem().decode(), TOKEN))
    await node.stop()
    await store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabStore]:
    store = LabStore.open(tmp_path / "lab")
    yield store
    store.close()


async def client_files(here: Here, store: LabStore) -> ClientEntry:
    practice = cast(Practice, SimpleNamespace(number=1, terminals={"CT-1": SimpleNamespace(ct_id="CT-1")}))
    async with connect_admin(here.access) as admin:
        return await onboard.client_files(admin, store, practice, store.folder, KeyType.P256, CLOCK)


def assert_they_fit(instance: Instance, entry: ClientEntry) -> None:
    key, certificate, _ = pkcs12.load_key_and_certificates(entry.p12.read_bytes(), entry.p12_password.reveal())
    pem = x509.load_pem_x509_certificate(entry.cert.read_bytes())
    loose = load_pem_private_key(entry.key.read_bytes(), None)
    assert certificate == pem
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    assert key is not None
    keys = [half.public_bytes(*form) for half in (pem.public_key(), key.public_key(), loose.public_key())]
    assert len(set(keys)) == 1
    assert pem.public_bytes(Encoding.DER) in instance.identity.client_certificates.values()


@pytest.mark.parametrize("lost", [None, "p12", "key", "cert"])
@pytest.mark.parametrize("writes", [0, 1, 2, 3])
async def test_they_fit_wherever_it_ended(
    here: Here, store: LabStore, monkeypatch: pytest.MonkeyPatch, lost: str | None, writes: int
) -> None:
    """In a new folder, and in one in which one of the files was lost before."""
    if lost is not None:
        entry = await client_files(here, store)
        cast(Path, getattr(entry, lost)).unlink()
    left = writes

    def ends(path: Path, content: bytes) -> None:
        nonlocal left
        if not left:
            raise Ended
        left -= 1
        write_private(path, content)

    monkeypatch.setattr("tiaas.cli.onboard.write_private", ends)
    if writes < 3:
        with pytest.raises(Ended):
            await client_files(here, store)
    else:
        await client_files(here, store)
    monkeypatch.undo()
    made = await client_files(here, store)
    assert_they_fit(here.instance, made)
    again = await client_files(here, store)
    assert again == made
    assert_they_fit(here.instance, again)


async def test_files_without_a_known_password_are_made_anew(here: Here, store: LabStore) -> None:
    """What a start before the last files left when it was killed right there, in older folders."""
    await client_files(here, store)
    store.put_meta("client-password/1", None)
    assert_they_fit(here.instance, await client_files(here, store))
