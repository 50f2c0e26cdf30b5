"""Who gets in: client certificates, variants SOAP1 to SOAP4 (gemSpec_Kon V5.18 §3.4.1), TLS for field clients."""

import asyncio
import base64
import functools
import socket
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.konnektor_front.houses import CLOCK, ENTROPY, GET_CARDS, PATH, Build, House, certificate_der
from tests.integration.konnektor_front.http1 import exchange, get, post
from tiaas.base.secret import Secret
from tiaas.konnektor.config import Address, AuthenticationMode, ClientAccess
from tiaas.konnektor.identity import IssuedClient, UnusableCertificate, fingerprint_of
from tiaas.konnektor.infomodel import AuthFeature, AuthKind, ClientSystem, InfoModel, Kind
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.issuing import create_ca, issue_client, issue_server
from tiaas.konnektor.keykind import KeyKind


async def refused(house: House, client: IssuedClient | None) -> None:
    """In TLS 1.3 the client learns of its refusal with the first octets it reads."""
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        reader, writer = await asyncio.open_connection(
            house.host, house.port, ssl=house.tls(client), server_hostname="localhost"
        )
        try:
            await exchange(reader, writer, get(PATH))
        finally:
            writer.close()


async def test_a_known_certificate_is_let_in_and_known_to_the_operation(build: Build) -> None:
    house = await build()
    reader, writer = await house.connect()
    answer = await exchange(reader, writer, post(PATH, GET_CARDS))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert b"GetCardsResponse" in answer.body
    (peer,) = house.peers
    assert peer.client_system_ids == {"c"}
    assert peer.certificate_fingerprint == house.client.fingerprint
    assert peer.address == "127.0.0.1"
    assert peer.authentication_required
    writer.close()


async def test_no_and_foreign_certificates_are_refused_at_tls(build: Build) -> None:
    house = await build()
    await refused(house, None)
    other_ca = create_ca("elsewhere", CLOCK.now(), ENTROPY)
    foreign = issue_client(other_ca, KeyKind.P256, "c", CLOCK.now(), ENTROPY)
    await refused(house, IssuedClient("0" * 16, foreign))
    assert not house.peers


async def test_a_certificate_of_our_ca_that_nobody_bound_is_refused(build: Build) -> None:
    house = await build()
    await refused(house, await house.gate.identity.issue_client("c", KeyKind.P256))


async def test_two_instances_on_two_addresses_keep_their_clients_apart(build: Build) -> None:
    a, b = await build("a", host="127.0.0.1"), await build("b", host="127.0.0.2")
    for house in (a, b):
        reader, writer = await house.connect()
        assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
        writer.close()
    b_at_a = replace(a, client=b.client, folder=a.folder)
    await refused(b_at_a, b.client)
    assert len(a.peers) == len(b.peers) == 1


async def test_one_wildcard_listener_finds_the_instance_by_the_local_address(build: Build, ingress: Ingress) -> None:
    wildcard = await ingress.listen(Address("0.0.0.0", 0))
    houses = [await build(host, host=host, port=wildcard.port) for host in ("127.0.0.5", "127.0.0.6")]
    for house in houses:
        reader, writer = await house.connect()
        assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
        writer.close()
    await refused(replace(houses[0], client=houses[1].client), houses[1].client)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.7", wildcard.port, ssl=houses[0].tls(None), server_hostname="localhost")


async def test_a_removed_certificate_ends_its_connections_and_a_new_one_is_accepted(build: Build) -> None:
    house = await build()
    second = await house.gate.identity.issue_client("d", KeyKind.RSA_2048)
    await refused(house, second)
    await house.bind(second.fingerprint, "d")
    first_reader, first_writer = await house.connect()
    second_reader, second_writer = await house.connect(second)
    assert (await exchange(first_reader, first_writer, post(PATH, GET_CARDS))).status == 200
    assert (await exchange(second_reader, second_writer, post(PATH, GET_CARDS))).status == 200

    await house.gate.model.apply(lambda model: model.change(Kind.CLIENT, ClientSystem("c")))
    house.reception.clients_changed()
    async with asyncio.timeout(60):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)):
            await exchange(first_reader, first_writer, post(PATH, GET_CARDS))
    assert (await exchange(second_reader, second_writer, post(PATH, GET_CARDS))).status == 200
    await refused(house, house.client)
    for writer in (first_writer, second_writer):
        writer.close()


async def test_a_session_of_the_old_list_cannot_be_resumed(build: Build) -> None:
    house = await build()
    context = house.tls(house.client, tls12=True)
    session = await asyncio.to_thread(_session_after_call, house, context, None)
    assert session is not None
    await house.gate.model.apply(lambda model: model.change(Kind.CLIENT, ClientSystem("c")))
    house.reception.clients_changed()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(_session_after_call, house, context, session)


def _session_after_call(house: House, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    with (
        socket.create_connection((house.host, house.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=session) as stream,
    ):
        stream.sendall(get(PATH))
        if not stream.recv(4096):
            raise ConnectionError("closed")
        return stream.session


async def test_a_self_signed_certificate_that_was_imported_is_accepted(build: Build) -> None:
    house = await build()
    now = CLOCK.now()
    ca = create_ca("self", now, ENTROPY)
    pair = issue_client(ca, KeyKind.BRAINPOOL_P256, "imported", now, ENTROPY)
    fingerprint = await house.gate.identity.import_client(certificate_der(IssuedClient("", pair)))
    imported = IssuedClient(fingerprint, pair)
    assert fingerprint == fingerprint_of(certificate_der(imported))
    await house.bind(fingerprint, "imported")
    reader, writer = await house.connect(imported, tls12=True)
    assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
    assert house.peers[0].client_system_ids == {"imported"}
    writer.close()


async def test_an_imported_certificate_without_client_authentication_is_named(build: Build) -> None:
    house = await build()
    with pytest.raises(UnusableCertificate, match="DER"):
        await house.gate.identity.import_client(b"0")


async def test_an_expired_certificate_is_refused(build: Build) -> None:
    house = await build()
    past = CLOCK.now() - timedelta(days=500)
    pair = issue_client(house.gate.identity.ca, KeyKind.P256, "c", past, ENTROPY)
    fingerprint = await house.gate.identity.import_client(certificate_der(IssuedClient("", pair)))
    await house.bind(fingerprint, "old")
    await refused(house, IssuedClient(fingerprint, pair))


@pytest.mark.parametrize("kind", list(KeyKind))
async def test_every_kind_of_server_certificate_serves_tls_1_2(build: Build, kind: KeyKind) -> None:
    house = await build(server_key=kind)
    reader, writer = await house.connect(tls12=True)
    session = writer.get_extra_info("ssl_object")
    assert session.version() == "TLSv1.2"
    assert "GCM" in session.cipher()[0]
    assert session.cipher()[0].startswith("ECDHE")
    assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
    writer.close()


async def test_soap2_asks_for_basic_and_takes_it(build: Build) -> None:
    access = ClientAccess(mode=AuthenticationMode.PASSWORD, directory_open=False, weaker_allowed=True)
    house = await build(access=access)
    await house.gate.users.put("praxis", Secret("geheim:ü".encode()))
    feature = AuthFeature("basic-1", AuthKind.BASIC, "praxis")
    await house.gate.model.apply(lambda model: _with_feature(model, feature))
    reader, writer = await asyncio.open_connection(
        house.host, house.port, ssl=house.tls(None), server_hostname="localhost"
    )
    for bad in ("", "Authorization: Basic " + base64.b64encode(b"praxis:falsch").decode(), "Authorization: Basic ???"):
        answer = await exchange(reader, writer, post(PATH, GET_CARDS, *([bad] if bad else [])))
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("basic realm=")
    assert (await exchange(reader, writer, get("/connector.sds"))).status == 401
    good = "Authorization: Basic " + base64.b64encode("praxis:geheim:ü".encode()).decode()
    for _ in range(2):
        assert (await exchange(reader, writer, post(PATH, GET_CARDS, good))).status == 200
    assert (await exchange(reader, writer, get("/connector.sds", good))).status == 200
    assert house.peers[0].basic_user == "praxis"
    assert house.peers[0].client_system_ids == {"c"}
    writer.close()


def _with_feature(model: InfoModel, feature: AuthFeature) -> InfoModel:
    return model.change(Kind.CLIENT, ClientSystem("c", (feature,)))


async def test_soap3_serves_without_certificate(build: Build) -> None:
    house = await build(access=ClientAccess(authentication_mandatory=False, weaker_allowed=True))
    reader, writer = await asyncio.open_connection(
        house.host, house.port, ssl=house.tls(None), server_hostname="localhost"
    )
    assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
    assert not house.peers[0].authentication_required
    writer.close()


@pytest.mark.parametrize(
    ("access", "sds", "soap"),
    [
        (ClientAccess(), 200, 403),
        (ClientAccess(directory_open=False), 403, 403),
        (ClientAccess(tls_mandatory=False, weaker_allowed=True), 200, 200),
        (ClientAccess(tls_mandatory=False, directory_open=False, weaker_allowed=True), 200, 200),
    ],
)
@pytest.mark.pitfall(8)
@pytest.mark.requirement("TIP1-A_4528")
async def test_plain_http_serves_what_the_switches_say(build: Build, access: ClientAccess, sds: int, soap: int) -> None:
    house = await build(access=access, plain=Address("127.0.0.1", 0))
    assert house.reception.plain is not None
    for request, expected in ((get("/connector.sds"), sds), (post(PATH, GET_CARDS), soap)):
        reader, writer = await asyncio.open_connection("127.0.0.1", house.reception.plain.port)
        assert (await exchange(reader, writer, request)).status == expected
        writer.close()


@pytest.mark.parametrize("options", [["-tls1_2"], ["-tls1_3"]])
async def test_openssl_s_client(build: Build, options: list[str]) -> None:
    house = await build()
    certificate, key = house.files(house.client)
    ca = house.folder / "ca.pem"
    ca.write_bytes(house.gate.identity.ca_pem())
    command: list[str | Path] = [
        "openssl",
        "s_client",
        "-connect",
        f"{house.host}:{house.port}",
        "-cert",
        certificate,
        "-key",
        key,
    ]
    command += ["-CAfile", ca, "-verify_return_error", "-verify_hostname", "konnektor.konlan", "-ign_eof", *options]
    done = await asyncio.to_thread(_run, command, get(PATH, "Connection: close"))
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "HTTP/1.1 200" in text
    assert "Verify return code: 0 (ok)" in text
    assert "No client certificate CA names sent" in text


def _run(command: Sequence[str | Path], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=stdin, capture_output=True, timeout=20)


@pytest.mark.parametrize("modern", [False, True])
async def test_curl_with_pkcs12(build: Build, tmp_path: Path, modern: bool) -> None:
    house = await build()
    bundle, ca, body = tmp_path / "client.p12", tmp_path / "ca.pem", tmp_path / "request.xml"
    bundle.write_bytes(house.client.pkcs12("c", Secret(b"kennwort"), modern=modern).reveal())
    ca.write_bytes(house.gate.identity.ca_pem())
    body.write_bytes(GET_CARDS)
    url = f"https://localhost:{house.port}{PATH}"
    command = ["curl", "-sS", "--cert-type", "P12", "--cert", f"{bundle}:kennwort", "--cacert", str(ca)]
    command += ["--data-binary", f"@{body}", "-H", "Content-Type: text/xml", "-w", "%{http_code}", url, "-4"]
    done = await asyncio.to_thread(_run, command, b"")
    assert done.stdout.endswith(b"200"), done.stderr.decode()


async def test_server_certificate_is_renewed_when_hosts_change(build: Build) -> None:
    house = await build()
    identity = house.gate.identity
    ca = identity.ca
    again = await type(identity).load(identity.store, ("127.0.0.1",), KeyKind.P256, CLOCK, ENTROPY)
    assert again.server.certificate == identity.server.certificate
    moved = await type(identity).load(identity.store, ("kon.praxis.example",), KeyKind.P256, CLOCK, ENTROPY)
    assert moved.server.certificate != identity.server.certificate
    assert moved.ca.certificate == ca.certificate
    assert "kon.praxis.example" in moved.server_names


async def test_a_server_certificate_that_an_administrator_had_made_is_the_next_starts_too(build: Build) -> None:
    identity = (await build()).gate.identity
    hosts = ("z.praxis.example", "a.praxis.example", "10.1.2.3")
    load = functools.partial(type(identity).load, identity.store, hosts, KeyKind.P256, CLOCK, ENTROPY)
    before = await load()
    await before.renew_server(KeyKind.BRAINPOOL_P256)
    assert (await load()).server.certificate == before.server.certificate


def test_server_certificate_names_ip_addresses_as_such() -> None:
    ca = create_ca("x", CLOCK.now(), ENTROPY)
    pair = issue_server(ca, KeyKind.P256, ("konnektor.konlan", "10.1.2.3", "::1"), CLOCK.now(), ENTROPY)
    text = str(pair.certificate.extensions)
    assert "10.1.2.3" in text
    assert "DNSName(value='10.1.2.3')" not in text
