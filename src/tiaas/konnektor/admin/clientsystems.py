"""How Clientsysteme authenticate, and the server's certificate (gemSpec_Kon V5.18 §3.4.1, TIP1-A_4517, A_23511)."""

from http import HTTPStatus

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.interfaces.management.clientsystems import (
    BasicUserChange,
    BasicUserSet,
    ClientCertificate,
    ClientSystemAccess,
    ClientSystemList,
    ForeignCertificate,
    ForeignServerCertificate,
    IssuedCertificate,
    NewClientCertificate,
    NewServerCertificate,
    ReceiverCheck,
    ReceiverTrust,
    ServerCertificate,
)
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, delete, get, post, put
from tiaas.konnektor.identity import UnusableCertificate, fingerprint_of
from tiaas.konnektor.infoentities import AuthKind
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.keykind import KeyKind, key_name
from tiaas.konnektor.sinkchecks import SinkCheck, SinkTrust

PASSWORD_OCTETS = 16
_ONE = "/client-systems/{client_system_id}"
_USER = f"{_ONE}/users/{{user}}"


async def _list(call: Call) -> ClientSystemList:
    instance = instance_of(call)
    return ClientSystemList(tuple(_shown(instance, name) for name in sorted(instance.model.current.clients)))


async def _read(call: Call) -> ClientSystemAccess:
    return _shown(instance_of(call), _client(call))


async def _issue(call: Call) -> IssuedCertificate:
    wish, client, instance = call.body(NewClientCertificate), _client(call), instance_of(call)
    issued = await instance.issue_client(client, KeyKind(wish.key.value))
    password = _random_password(instance)
    pkcs12 = await beside(0, issued.pkcs12, client, password, modern=wish.modern)
    call.note(f"POST {_path(_ONE, client)}/certificates", {"fingerprint": issued.fingerprint, "key": wish.key.value})
    not_after = issued.certificate.certificate.not_valid_after_utc
    return IssuedCertificate(issued.fingerprint, not_after, pkcs12.reveal(), password)


async def _import(call: Call) -> ClientCertificate:
    client, instance = _client(call), instance_of(call)
    der = _der(call.body(ForeignCertificate).certificate)
    fingerprint = await instance.import_client(client, der)
    call.note(f"POST {_path(_ONE, client)}/certificates/import", {"fingerprint": fingerprint})
    return _certificate(der)


async def _revoke(call: Call) -> None:
    client, instance, fingerprint = _client(call), instance_of(call), call.path["fingerprint"]
    if client not in instance.model.current.clients_with(AuthKind.CERTIFICATE, fingerprint):
        raise not_found("such certificate of this Clientsystem")
    await instance.revoke_client(fingerprint, client)


async def _put_user(call: Call) -> BasicUserSet:
    client, instance, user = _client(call), instance_of(call), call.path["user"]
    others = instance.model.current.clients_with(AuthKind.BASIC, user) - {client}
    if others:
        # A user has one password: setting it here would lock the other Clientsystem out, or let this one in as it.
        named = ", ".join(sorted(others))
        raise conflict(f"Clientsystem {named} has this user", "choose another name, or remove the user there first")
    given = call.body(BasicUserChange).password
    password = given or _random_password(instance)
    await instance.put_basic_user(client, user, password)
    return BasicUserSet(user, None if given else password)


async def _remove_user(call: Call) -> None:
    client, instance, user = _client(call), instance_of(call), call.path["user"]
    if client not in instance.model.current.clients_with(AuthKind.BASIC, user):
        raise not_found("such user of this Clientsystem")
    await instance.remove_basic_user(user, client)


async def _put_receivers(call: Call) -> None:
    wish = call.body(ReceiverCheck)
    check = SinkCheck(SinkTrust(wish.trust.value), frozenset(wish.fingerprints), wish.ca_pem)
    await instance_of(call).check_sinks(_client(call), check)


async def _server(call: Call) -> ServerCertificate:
    return _server_shown(instance_of(call))


async def _renew_server(call: Call) -> ServerCertificate:
    instance = instance_of(call)
    await instance.identity.renew_server(KeyKind(call.body(NewServerCertificate).key.value))
    instance.reception.server_changed()
    return _server_shown(instance)


async def _import_server(call: Call) -> ServerCertificate:
    instance, given = instance_of(call), call.body(ForeignServerCertificate)
    await instance.identity.import_server(given.pkcs12, given.password)
    instance.reception.server_changed()
    shown = _server_shown(instance)
    call.note("POST /server-certificate/import", {"fingerprint": shown.fingerprint})
    return shown


CLIENT_ROUTES: tuple[Route, ...] = (
    get("/client-systems", INSTANCE_ROLES, "How all Clientsysteme authenticate", _list, ClientSystemList),
    get(_ONE, INSTANCE_ROLES, "How one Clientsystem authenticates", _read, ClientSystemAccess),
    post(
        f"{_ONE}/certificates",
        ON_SITE,
        "Makes a client certificate as PKCS#12; file and password are shown this once",
        _issue,
        request=NewClientCertificate,
        response=IssuedCertificate,
        status=HTTPStatus.CREATED,
    ),
    post(
        f"{_ONE}/certificates/import",
        ON_SITE,
        "Accepts a certificate made elsewhere",
        _import,
        request=ForeignCertificate,
        response=ClientCertificate,
        status=HTTPStatus.CREATED,
    ),
    delete(f"{_ONE}/certificates/{{fingerprint}}", ON_SITE, "Accepts a certificate no more", _revoke),
    put(
        _USER,
        ON_SITE,
        "Sets user and password for HTTP Basic",
        _put_user,
        request=BasicUserChange,
        response=BasicUserSet,
    ),
    delete(_USER, ON_SITE, "Removes a user of HTTP Basic", _remove_user),
    put(f"{_ONE}/receivers", ON_SITE, "How receivers of events are checked", _put_receivers, request=ReceiverCheck),
    get("/server-certificate", INSTANCE_ROLES, "The server's certificate", _server, ServerCertificate),
    post(
        "/server-certificate",
        ON_SITE,
        "Makes a new server certificate",
        _renew_server,
        request=NewServerCertificate,
        response=ServerCertificate,
    ),
    post(
        "/server-certificate/import",
        ON_SITE,
        "Takes a server certificate made elsewhere",
        _import_server,
        request=ForeignServerCertificate,
        response=ServerCertificate,
    ),
)


def _shown(instance: Instance, client: str) -> ClientSystemAccess:
    features = instance.model.current.clients[client].auth_features
    known = instance.identity.client_certificates
    check = instance.sink_checks.of(client)
    return ClientSystemAccess(
        client,
        tuple(_certificate(known[f.value]) for f in features if f.kind is AuthKind.CERTIFICATE and f.value in known),
        tuple(f.value for f in features if f.kind is AuthKind.BASIC),
        ReceiverCheck(ReceiverTrust(check.trust.value), tuple(sorted(check.fingerprints)), check.ca_pem),
    )


def _certificate(der: bytes) -> ClientCertificate:
    loaded = x509.load_der_x509_certificate(der)
    return ClientCertificate(
        fingerprint_of(der), loaded.subject.rfc4514_string(), loaded.issuer.rfc4514_string(), loaded.not_valid_after_utc
    )


def _server_shown(instance: Instance) -> ServerCertificate:
    identity = instance.identity
    certificate = identity.server.certificate
    return ServerCertificate(
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        tuple(sorted(identity.server_names)),
        key_name(certificate.public_key()),
        certificate.not_valid_after_utc,
        fingerprint_of(certificate.public_bytes(Encoding.DER)),
        identity.is_imported,
        identity.ca_pem().decode(),
    )


def _der(given: bytes) -> bytes:
    if not given.lstrip().startswith(b"-----BEGIN"):
        return given
    try:
        return x509.load_pem_x509_certificate(given).public_bytes(Encoding.DER)
    except ValueError:
        raise UnusableCertificate("this is no X.509 certificate in PEM") from None


def _random_password(instance: Instance) -> Secret:
    return Secret(instance.context.entropy.octets(PASSWORD_OCTETS).hex().encode())


def _path(template: str, client: str) -> str:
    return template.format(client_system_id=client)


def _client(call: Call) -> str:
    client = call.path["client_system_id"]
    if client not in instance_of(call).model.current.clients:
        raise not_found("such Clientsystem")
    return client
