"""Secrets that went through the management interface are in no answer, event, log or database afterwards."""

import json
import logging
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.integration.admin.desk import Desk
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.base.clock import SystemClock
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminRefused
from tiaas.interfaces.management.accounts import IssuedToken, Login, NewAdministrator, NewPassword, NewToken
from tiaas.interfaces.management.clientsystems import (
    BasicUserChange,
    BasicUserSet,
    ForeignServerCertificate,
    IssuedCertificate,
    NewClientCertificate,
)
from tiaas.interfaces.management.infomodel import ClientSystemDocument
from tiaas.interfaces.management.parameters import ReceiptSecret
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import ConfigImport, ConfigShown, ExportedConfig
from tiaas.konnektor.admin.routes import Method
from tiaas.konnektor.admin.table import INSTANCE_ROUTES
from tiaas.konnektor.issuing import create_ca, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.protocol import Query

pytestmark = pytest.mark.asyncio(loop_scope="module")

_GIVEN = {
    "password of an administrator": b"Geheim-Kennwort-0815",
    "new password": b"Anderes-Kennwort-4711",
    "wrong password": b"Falsches-Kennwort-333",
    "password of a user": b"Nutzer-Kennwort-2222",
    "password of a server's key": b"Schluessel-Kennwort-9",
}
_RECEIPT_SECRET = b"Geheimnis-der-Nachweise-55"
"""The store has it, as it has keys, in hexadecimal."""


async def _use_everything(desk: Desk, chief: Admin) -> dict[str, bytes]:
    """Every operation that takes or gives a secret; all of these."""
    given = {what: Secret(value) for what, value in _GIVEN.items()}
    now = SystemClock().now()
    pair = issue_server(create_ca("own", now, ENTROPY), KeyKind.P256, ("localhost", "127.0.0.1"), now, ENTROPY)
    encryption = BestAvailableEncryption(_GIVEN["password of a server's key"])
    file = pkcs12.serialize_key_and_certificates(b"s", pair.key, pair.certificate, None, encryption)
    await chief.change("POST", "/infomodel/client-systems", ClientSystemDocument("cs"))
    new = NewAdministrator("otto", given["password of an administrator"], Role.LOKAL)
    await chief.change("POST", "/administrators", new)
    await chief.change("PUT", "/administrators/otto/password", NewPassword(given["new password"]))
    with pytest.raises(AdminRefused):
        await chief.change("POST", "/session", Login("otto", given["wrong password"]))
    token = await chief.change("POST", "/administrators/otto/tokens", NewToken("t"), IssuedToken)
    issued = await chief.change("POST", "/client-systems/cs/certificates", NewClientCertificate(), IssuedCertificate)
    await chief.change("PUT", "/client-systems/cs/users/u", BasicUserChange(given["password of a user"]))
    made = await chief.change("PUT", "/client-systems/cs/users/v", BasicUserChange(), BasicUserSet)
    await chief.change(
        "POST", "/server-certificate/import", ForeignServerCertificate(file, given["password of a server's key"])
    )
    exported = await chief.change("POST", "/config/export", kind=ExportedConfig)
    await chief.change("POST", "/config/import", ConfigImport(exported.file, exported.passphrase), ConfigShown)
    await chief.change("PUT", "/parameters/receipt-secret", ReceiptSecret(_RECEIPT_SECRET))
    await desk.instance.identity.renew_server(KeyKind.P256)
    assert made.password is not None
    return {
        **_GIVEN,
        "secret of receipts": _RECEIPT_SECRET,
        "secret of receipts in base64": b64encode(_RECEIPT_SECRET),
        "token": token.token.reveal(),
        "password of PKCS#12": issued.password.reveal(),
        "password that was made": made.password.reveal(),
        "passphrase": exported.passphrase.reveal(),
    }


@pytest.mark.requirement("TIP1-A_6479", "TIP1-A_5005")
async def test_no_secret_is_seen_again(
    desk: Desk, chief: Admin, caplog: pytest.LogCaptureFixture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    caplog.set_level(logging.DEBUG, logger="tiaas")
    secrets = await _use_everything(desk, chief)
    seen: dict[str, bytes] = {}
    for route in INSTANCE_ROUTES:
        if route.method is Method.GET:
            path = route.path.format(user="otto", client_system_id="cs", ct_id="ct", log="sys", name="x")
            try:
                seen[route.path] = (await chief.exchange("GET", path)).body
            except AdminRefused as refused:
                seen[route.path] = str(refused).encode()
    protocol = desk.instance.context.protocol
    for log in protocol.logs:
        entries = await protocol.entries(log, Query())
        seen[f"log {log}"] = json.dumps([entry.document() for entry in entries]).encode()
    seen["events"] = repr([(event.topic, event.parameters) for event in desk.events]).encode()
    seen["log records"] = caplog.text.encode() + repr([vars(record) for record in caplog.records]).encode()
    folder: Path = tmp_path_factory.getbasetemp()
    for database in folder.rglob("node.sqlite*"):
        seen[database.name] = database.read_bytes()
    assert any(b"otto" in content for content in seen.values())
    found = [(what, where) for what, secret in secrets.items() for where, body in seen.items() if secret in body]
    assert found == []
