"""Client certificates, users, the server's certificate: what they are good for shows at the SOAP door (TIP1-A_4517)."""

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tests.integration.admin.desk import Desk
from tests.integration.konnektor_front.houses import ENTROPY, GET_CARDS, PATH
from tests.integration.konnektor_front.http1 import exchange, post
from tiaas.base.clock import SystemClock
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminRefused
from tiaas.interfaces.management.clientsystems import (
    BasicUserChange,
    BasicUserSet,
    ClientCertificate,
    ClientSystemAccess,
    ForeignCertificate,
    ForeignServerCertificate,
    IssuedCertificate,
    KeyType,
    NewClientCertificate,
    NewServerCertificate,
    ReceiverCheck,
    ReceiverTrust,
    ServerCertificate,
)
from tiaas.interfaces.management.infomodel import InfoModelDocument
from tiaas.konnektor.basic import Credentials
from tiaas.konnektor.identity import fingerprint_of
from tiaas.konnektor.issuing import KeyPair, create_ca, issue_client, issue_server
from tiaas.konnektor.keykind import KeyKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = InfoModelDocument(
    mandanten=("m",),
    client_systems=("c", "d"),
    workplaces=("w",),
    mandant_clients=(("m", "c"), ("m", "d")),
    mandant_workplaces=(("m", "w"),),
    cs_ap=(("m", "c", "w"), ("m", "d", "w")),
)


async def _model(chief: Admin) -> None:
    _, tag = await chief.read_tagged("/infomodel", InfoModelDocument)
    await chief.change("PUT", "/infomodel", MODEL, if_match=tag)


async def _get_cards(desk: Desk, folder: Path, pem: bytes) -> bytes:
    """The answer to GetCards as Clientsystem c with certificate and key `pem`."""
    (folder / "client.pem").write_bytes(pem)
    context = ssl.create_default_context(cadata=desk.instance.identity.ca_pem().decode())
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # TLS 1.3 has no client certificates on brainpool
    context.load_cert_chain(folder / "client.pem")
    address = desk.instance.reception.address
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        return (await exchange(reader, writer, post(PATH, GET_CARDS))).body
    finally:
        writer.close()


def _pem(pair: KeyPair) -> bytes:
    return pair.certificate.public_bytes(Encoding.PEM) + pair.key_pem().reveal()


@pytest.mark.requirement("TIP1-A_4517")
@pytest.mark.parametrize("key", list(KeyType))
async def test_a_certificate_made_as_pkcs12_opens_the_door_until_it_is_removed(
    desk: Desk, chief: Admin, tmp_path: Path, key: KeyType
) -> None:
    await _model(chief)
    desk.events.clear()
    issued = await chief.change("POST", "/client-systems/c/certificates", NewClientCertificate(key), IssuedCertificate)
    private, certificate, _ = pkcs12.load_key_and_certificates(issued.pkcs12, issued.password.reveal())
    assert private is not None
    assert certificate is not None
    pem = certificate.public_bytes(Encoding.PEM) + private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert b">OK<" in await _get_cards(desk, tmp_path, pem)
    assert issued.password.reveal().decode() not in str(desk.changes())
    await chief.change("DELETE", f"/client-systems/c/certificates/{issued.fingerprint}")
    with pytest.raises((ssl.SSLError, OSError, AssertionError, EOFError)):
        assert b">OK<" in await _get_cards(desk, tmp_path, pem)
    assert (await chief.read("/client-systems/c", ClientSystemAccess)).certificates == ()


@pytest.mark.requirement("TIP1-A_4517")
async def test_a_foreign_certificate_opens_the_door_whatever_its_issuer(
    desk: Desk, chief: Admin, tmp_path: Path
) -> None:
    await _model(chief)
    foreign = issue_client(
        create_ca("foreign", SystemClock().now(), ENTROPY), KeyKind.P256, "pvs", SystemClock().now(), ENTROPY
    )
    given = ForeignCertificate(foreign.certificate.public_bytes(Encoding.PEM))
    imported = await chief.change("POST", "/client-systems/c/certificates/import", given, ClientCertificate)
    assert imported.subject == "CN=pvs"
    assert b">OK<" in await _get_cards(desk, tmp_path, _pem(foreign))
    with pytest.raises(AdminRefused) as refused:
        await chief.change("POST", "/client-systems/c/certificates/import", ForeignCertificate(b"no certificate"))
    assert refused.value.status == 422


async def test_a_clientsystem_that_goes_takes_its_certificates_with_it(desk: Desk, chief: Admin) -> None:
    await _model(chief)
    issued = await chief.change("POST", "/client-systems/d/certificates", NewClientCertificate(), IssuedCertificate)
    assert issued.fingerprint in desk.instance.identity.client_certificates
    await chief.change("DELETE", "/infomodel/client-systems/d")
    assert issued.fingerprint not in desk.instance.identity.client_certificates


async def test_what_two_clientsysteme_share_stays_with_the_other_one(desk: Desk, chief: Admin) -> None:
    await _model(chief)
    ca = create_ca("elsewhere", SystemClock().now(), ENTROPY)
    pair = issue_client(ca, KeyKind.P256, "shared", SystemClock().now(), ENTROPY)
    given = ForeignCertificate(pair.certificate.public_bytes(Encoding.DER))
    fingerprint = fingerprint_of(given.certificate)
    for client in ("c", "d"):
        await chief.change("POST", f"/client-systems/{client}/certificates/import", given)
        await desk.instance.put_basic_user(client, "both", Secret(b"long-enough"))

    async def held(client: str) -> tuple[bool, bool]:
        access = await chief.read(f"/client-systems/{client}", ClientSystemAccess)
        return fingerprint in {each.fingerprint for each in access.certificates}, "both" in access.users

    assert (await held("c"), await held("d")) == ((True, True), (True, True))
    await chief.change("DELETE", f"/client-systems/c/certificates/{fingerprint}")
    await chief.change("DELETE", "/client-systems/c/users/both")
    assert (await held("c"), await held("d")) == ((False, False), (True, True))
    assert fingerprint in desk.instance.identity.client_certificates
    await chief.change("DELETE", f"/client-systems/d/certificates/{fingerprint}")
    await chief.change("DELETE", "/client-systems/d/users/both")
    assert fingerprint not in desk.instance.identity.client_certificates


async def test_users_of_http_basic_are_set_and_removed(desk: Desk, chief: Admin) -> None:
    await _model(chief)
    made = await chief.change("PUT", "/client-systems/c/users/pvs", BasicUserChange(), BasicUserSet)
    assert made.password is not None
    given = await chief.change(
        "PUT", "/client-systems/c/users/own", BasicUserChange(Secret(b"own-password")), BasicUserSet
    )
    assert given.password is None
    assert (await chief.read("/client-systems/c", ClientSystemAccess)).users == ("pvs", "own")
    await chief.change("DELETE", "/client-systems/c/users/pvs")
    assert (await chief.read("/client-systems/c", ClientSystemAccess)).users == ("own",)
    with pytest.raises(AdminRefused) as refused:
        await chief.change("DELETE", "/client-systems/c/users/pvs")
    assert refused.value.status == 404


async def test_a_user_of_another_clientsystem_keeps_its_password(desk: Desk, chief: Admin) -> None:
    await _model(chief)
    await chief.change("PUT", "/client-systems/c/users/u", BasicUserChange(Secret(b"the-first-one")), BasicUserSet)
    with pytest.raises(AdminRefused) as refused:
        await chief.change("PUT", "/client-systems/d/users/u", BasicUserChange(Secret(b"the-second-one")))
    assert refused.value.status == 409
    assert "remove the user there first" in str(refused.value)
    users = desk.instance.users
    assert not await users.verify(Credentials("u", Secret(b"the-second-one")))
    assert await users.verify(Credentials("u", Secret(b"the-first-one")))
    await chief.change("PUT", "/client-systems/c/users/u", BasicUserChange(Secret(b"the-third-one")), BasicUserSet)
    assert await users.verify(Credentials("u", Secret(b"the-third-one")))


async def test_receivers_of_events_are_pinned(chief: Admin) -> None:
    await _model(chief)
    check = ReceiverCheck(ReceiverTrust.PINNED, ("ab" * 32,))
    await chief.change("PUT", "/client-systems/c/receivers", check)
    assert (await chief.read("/client-systems/c", ClientSystemAccess)).receivers == check
    with pytest.raises(AdminRefused) as refused:
        await chief.change("PUT", "/client-systems/c/receivers", ReceiverCheck(ReceiverTrust.PINNED))
    assert refused.value.status == 422


@pytest.mark.requirement("TIP1-A_4517", "A_23511")
async def test_a_new_server_certificate_is_shown_to_the_next_client(desk: Desk, chief: Admin) -> None:
    shown = await chief.change("POST", "/server-certificate", NewServerCertificate(KeyType.RSA_2048), ServerCertificate)
    assert shown.key == "rsa2048"
    assert await _fingerprint(desk) == shown.fingerprint
    again = await chief.change("POST", "/server-certificate", NewServerCertificate(), ServerCertificate)
    assert (again.key, await _fingerprint(desk)) == ("secp256r1", again.fingerprint)


@pytest.mark.requirement("TIP1-A_4517", "A_23549")
async def test_an_imported_server_certificate_is_shown_and_a_wrong_password_refused(desk: Desk, chief: Admin) -> None:
    now = SystemClock().now()
    pair = issue_server(create_ca("own", now, ENTROPY), KeyKind.P256, ("localhost", "127.0.0.1"), now, ENTROPY)
    file = pkcs12.serialize_key_and_certificates(b"s", pair.key, pair.certificate, None, BestAvailableEncryption(b"p"))
    with pytest.raises(AdminRefused) as refused:
        await chief.change("POST", "/server-certificate/import", ForeignServerCertificate(file, Secret(b"q")))
    assert refused.value.status == 422
    given = ForeignServerCertificate(file, Secret(b"p"))
    shown = await chief.change("POST", "/server-certificate/import", given, ServerCertificate)
    assert shown.is_imported
    assert await _fingerprint(desk) == shown.fingerprint
    await desk.instance.identity.renew_server(KeyKind.P256)
    desk.instance.reception.server_changed()


async def _fingerprint(desk: Desk) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    address = desk.instance.reception.address
    _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    session = writer.get_extra_info("ssl_object")
    der = session.getpeercert(binary_form=True)
    writer.close()
    return hashlib.sha256(der).hexdigest()
