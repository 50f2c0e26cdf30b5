"""A scripted Intermediär with Fachdienste behind it: real TLS with client certificates, real SOAP, answers as told."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from gzip import compress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tiaas.interfaces.cm_cc_v2_0 import (
    Close,
    CommandItem,
    CommandPackage,
    GetNextCommandPackage,
    GetNextCommandPackageResponse,
    PerformUpdates,
    PerformUpdatesResponse,
    UpdatePerformed,
)
from tiaas.interfaces.cm_common_v2_0 import (
    ServiceLocalization,
    ServiceReceipt,
    SessionIdentifier,
    UpdateFlag,
    UpdatePriority,
)
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.interfaces.telematik_error_v2_0 import Error, Trace
from tiaas.lab.pki import LabPki
from tiaas.lab.server import LabServer, connection
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.tlsfiles import load_identity
from tiaas.soap.envelope import (
    Headed,
    SoapFault,
    decode_headers,
    known_headers,
    open_envelope_untrusted,
    write_envelope,
    write_fault,
)
from tiaas.soap.errors import FaultCode
from tiaas.soap.mapping import decode
from tiaas.soap.markup import Limits

PROOF_UFS, PROOF_VSDD = b"U" * 47, b"V" * 47
UPDATE_ID = bytes.fromhex("0102030405")
_LIMITS = Limits()
HEADERS = known_headers((ServiceLocalization, SessionIdentifier))
REQUESTS = (GetUpdateFlags, PerformUpdates, GetNextCommandPackage)


@dataclass
class Call:
    """One request as it came."""

    path: str
    message: object
    localization: ServiceLocalization | None
    session: SessionIdentifier | None
    headers: dict[str, str]
    body: bytes
    certificate: bytes | None
    port: int


@dataclass
class Reply:
    """An answer instead of the usual one."""

    status: int = 200
    body: bytes = b""
    via: bool = True
    drop: bool = False


Behaviour = Callable[[Call], Awaitable[Reply | None]]


async def usual(call: Call) -> Reply | None:
    """Nothing special."""
    return None


@dataclass
class Fachdienst:
    """UFS says `flags`; CCS sends `packages` and performs the update; `behave` may answer otherwise."""

    pki: LabPki
    flags: list[UpdateFlag] = field(default_factory=list)
    packages: list[CommandPackage] = field(default_factory=list)
    behave: Behaviour = usual
    role: Role = Role.INT_VSDM
    hosts: tuple[str, ...] = ("127.0.0.1",)
    clients: LabPki | None = None
    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)
    calls: list[Call] = field(default_factory=list)

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS, with a new certificate."""
        key = ec.generate_private_key(self.curve)
        name = component_name("intermediaer", "lab")
        holder = EndEntity(name, key.public_key(), build_admission(self.role), hosts=self.hosts)
        certificate = x509.load_der_x509_certificate(self.pki.issue(CertificateType.FD_TLS_S, holder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_identity(context, key, certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=(self.clients or self.pki).ca_bundle_pem)
        return context

    async def start(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self.serve(scope, receive, send)

        self.server = LabServer(app, "fachdienst", self.context())
        for port in range(41000, 41200):
            try:
                await self.server.start("127.0.0.1", port)
            except OSError:
                continue
            self.url = f"https://127.0.0.1:{port}/vsdm"
            return

    async def stop(self) -> None:
        # TLS ends in several turns of the loop; what is left over then would be reported as never closed.
        await asyncio.sleep(0.05)
        await self.server.stop()
        await asyncio.sleep(0.05)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        blocks, element = open_envelope_untrusted(body, _LIMITS, HEADERS)
        kind = next(cls for cls in REQUESTS if str(element.tag).endswith("}" + cls.__name__))
        headed = Headed(decode(kind, element), decode_headers(blocks, HEADERS))
        line = connection(scope)
        call = Call(
            scope["path"],
            headed.message,
            headed.header(ServiceLocalization),
            headed.header(SessionIdentifier),
            dict(request.headers),
            body,
            line.client_certificate,
            scope["client"][1],
        )
        self.calls.append(call)
        reply = await self.behave(call)
        if reply is not None and reply.drop:
            line.abort()
            return
        if reply is None:
            reply = Reply(200, compress(self.answer(call)))
        headers = {"content-type": "text/xml; charset=utf-8"}
        if reply.via:
            headers["via"] = "1.1 lab"
        if reply.body.startswith(b"\x1f\x8b"):
            headers["content-encoding"] = "gzip"
        await Response(reply.body, reply.status, headers)(scope, receive, send)

    def answer(self, call: Call) -> bytes:
        where = ServiceLocalization(type="UFS", provider="109990018")
        if isinstance(call.message, GetUpdateFlags):
            receipts = () if self.flags else (ServiceReceipt(service_localization=where, receipt=PROOF_UFS),)
            return write_envelope(GetUpdateFlagsResponse(update_flags=tuple(self.flags), service_receipts=receipts))
        session = (SessionIdentifier(conversation_id="lab.1-A"),)
        if isinstance(call.message, PerformUpdates):
            self._updating = call.message.update_ids[0]
            self._left = list(self.packages)
            first = self._left.pop(0) if self._left else None
            return write_envelope(
                PerformUpdatesResponse(command_package=first, close=None if first else Close()), session
            )
        assert isinstance(call.message, GetNextCommandPackage)
        aborted = call.message.command_response_package.abort is not None
        package = self._left.pop(0) if self._left and not aborted else None
        performed = (
            () if package is not None or aborted else (UpdatePerformed(update_id=self._updating, receipt=PROOF_VSDD),)
        )
        return write_envelope(
            GetNextCommandPackageResponse(
                updates_performed=performed, command_package=package, close=None if package else Close()
            ),
            session,
        )


def flag(
    priority: UpdatePriority = UpdatePriority.MANDATORY, service: str = "VSD", update_id: bytes = UPDATE_ID
) -> UpdateFlag:
    """An update that waits."""
    where = ServiceLocalization(type=service, provider="109990018")
    return UpdateFlag(
        service_localization=where, update_id=update_id, update_priority=priority, short_description="Adresse"
    )


def package(*commands: str) -> CommandPackage:
    """Commands that are all to be answered with 9000."""
    items = tuple(CommandItem(command=bytes.fromhex(text), status_code_expected=b"\x90\x00") for text in commands)
    return CommandPackage(command_items=items)


def fault(code: int | None, *, via: bool = True) -> Reply:
    """A SOAP fault; with a code a gematik one."""
    detail = None
    if code is not None:
        trace = Trace(comp_type="UFS", code=code, severity="Fatal", error_type="Technical", error_text="x")
        detail = Error(message_id="1", timestamp=datetime(2026, 1, 1, tzinfo=UTC), trace=(trace,))
    return Reply(500, compress(write_fault(SoapFault(FaultCode.SERVER, "x", detail))), via)
