"""Documents of 25 MB: what they cost in memory, and what other tenants notice of them.

    python -m bench.large_documents [--megabytes 25] [--at-once 10] [--seconds 5] [--nice 19]

One server process runs a lab with two practices, each with a Konnektor instance of its own. The first one signs (CAdES
with the document inside, XAdES, PAdES), verifies (CAdES with it inside, XAdES around it, as an element of the message),
encrypts and decrypts a document, plain and packaged (MTOM). Printed is the server's peak of resident memory above what
it had when it had just started, divided by the octets of the HTTP body, and the time of the call; the lab's virtual
cards and terminals are in the same process. Then `--at-once` clients
sign such documents in a loop, while a client of the second practice asks GetCards: its p99 beside an idle server's.
The ones who sign keep their connections and are a process of their own, at the lowest priority (SCHED_IDLE): they stand
for other machines, so they must not take the processors from the server and hold up the one who measures. On a machine
that does other work too they hardly run at all then: `--nice 0`. The one who measures stands for another machine as
well, whose processor no thread of this server holds for 4 ms when an answer has come: it has real-time priority, idle
and beside the signers, where it may have it, and it is said where it may not.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import uvloop

from bench.getcards_http import Slice, cpu_seconds, load
from tests.pdfmaker import classic, objects
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import Served, UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.interfaces import encryption_service_v6_1 as crypt
from tiaas.interfaces import signature_service_v7_5 as sig
from tiaas.interfaces.connector_common_v5_0 import Document as ConnDocument
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import Base64Data, Base64Signature, IncludeObject, SignatureObject
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor.cardtypes import CardType
from tiaas.lab.registry import Registry
from tiaas.soap.client import ANSWER_LIMITS, read_answer_untrusted
from tiaas.soap.envelope import write_envelope, write_envelope_parts
from tiaas.soap.reply import packaged_reply, plain_reply

MEGABYTE = 1024 * 1024
SIGN, CRYPT, EVENTS = "/ws/SignatureService", "/ws/EncryptionService", "/ws/EventService"
_CADES = "urn:ietf:rfc:5652"
_LOWEST = 19
"""The priority below which there is SCHED_IDLE only."""
_NUMBERS = count(os.getpid() * 1000)
"""Of jobs; no two processes may have the same."""


async def serve(folder: Path) -> None:
    """The server's side: one line of JSON, then it runs until its input ends."""
    options = UpOptions(folder, practices=2, log_level="warning")
    clock, registry = SystemClock(), Registry({"XDG_STATE_HOME": str(folder.parent)})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        print(json.dumps([description(served) for served in run.served]), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


def description(served: Served, kind: CardType = CardType.SMC_B) -> dict[str, Any]:
    """What a client needs to know of a practice whose SM-B is of that kind."""
    context = served.context
    card = next(card for card in served.instance.context.cards if card.card_type is kind)
    return {
        "port": served.instance.reception.address.port,
        "cert": str(served.client.cert),
        "key": str(served.client.key),
        "ca": str(served.konnektor.ca),
        "context": [context.mandant_id, context.client_system_id, context.workplace_id],
        "smcb": card.handle,
    }


@dataclass(frozen=True, slots=True)
class Practice:
    """One tenant as its client knows it."""

    port: int
    tls: ssl.SSLContext
    context: Context
    smcb: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Practice":
        tls = ssl.create_default_context(cafile=told["ca"])
        tls.load_cert_chain(told["cert"], told["key"])
        mandant, client_system, workplace = told["context"]
        context = Context(mandant_id=mandant, client_system_id=client_system, workplace_id=workplace)
        return cls(told["port"], tls, context, told["smcb"])

    def sign(
        self, document: sig.Document, signature_type: str | None = None, *, around: str | None = None
    ) -> sig.SignDocument:
        """The XML signature is around the document whose ID is `around`."""
        inputs = None
        if around is not None:
            objects = sig.IncludeObjects(include_object=(IncludeObject(which_document=around),))
            inputs = sig.SignInputs(include_objects=objects)
        if signature_type is not None:
            inputs = sig.SignInputs(signature_type=signature_type, include_e_content=True)
        number = next(_NUMBERS)
        job = "".join(chr(65 + number // 1000 // 26**place % 26) for place in (2, 1, 0))
        wish = sig.SignRequest(request_id="r", document=document, optional_inputs=inputs, include_revocation_info=False)
        return sig.SignDocument(
            card_handle=self.smcb,
            context=self.context,
            tv_mode=sig.TvMode.NONE,
            job_number=f"{job}-{number % 1000:03}",
            sign_request=(wish,),
        )


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(practice: Practice) -> Connection:
    """A connection of its own."""
    return await asyncio.open_connection(
        "127.0.0.1", practice.port, ssl=practice.tls, server_hostname="localhost", limit=2**20
    )


async def call(practice: Practice, path: str, request: object, *, packaged: bool) -> tuple[int, float, bytes]:
    """Octets of the request's body, seconds, and the answer, which must be a response."""
    connection = await connect(practice)
    try:
        return await call_on(connection, path, request, packaged=packaged)
    finally:
        connection[1].close()


async def call_on(connection: Connection, path: str, request: object, *, packaged: bool) -> tuple[int, float, bytes]:
    """The same on a connection that is there and stays."""
    parts = write_envelope_parts(request)
    body = packaged_reply(200, parts, "boundary-of-the-bench") if packaged else plain_reply(200, parts)
    reader, writer = connection
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {body.content_type}\r\n"
    begun = perf_counter()
    writer.write(f"{head}Content-Length: {body.size}\r\n\r\n".encode())
    for part in body.slices():
        writer.write(part)
        await writer.drain()
    answered = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.partition(": ")[::2] for line in answered.decode("latin-1").lower().splitlines())
    answer = answered + await reader.readexactly(int(fields["content-length"]))
    seconds = perf_counter() - begun
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{path}: {answer[:2000].decode(errors='replace')}")
    return body.size, seconds, answer


def reset_peak(server: int) -> None:
    """Forgets the peak of resident memory."""
    Path(f"/proc/{server}/clear_refs").write_text("5")


def _status(server: int, name: str) -> int:
    for line in Path(f"/proc/{server}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no {name}")


def content_of(answer: bytes, kind: type[Any]) -> Any:
    """The message in an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.partition(": ")[::2] for line in head.decode("latin-1").lower().splitlines())
    return read_answer_untrusted(body, kind, (), ANSWER_LIMITS, fields["content-type"])


@dataclass(frozen=True, slots=True)
class Case:
    """One operation with one kind of document."""

    name: str
    path: str
    request: Callable[[], object]


async def cases(practice: Practice, size: int) -> list[Case]:
    """What is measured; the encrypted and the signed document are made by the server itself."""
    text = (b"Zeile eines langen Dokuments\n" * (size // 29 + 1))[:size]
    xml = b"<Brief xmlns='urn:x'><Text>" + text[: size - 60] + b"</Text></Brief>"
    pdf = classic(objects(padding=size - 8000))
    plain = sig.Document(base64_data=Base64Data(data=text, mime_type="text/plain"))
    answer = (await call(practice, SIGN, practice.sign(plain, _CADES), packaged=True))[2]
    signed = content_of(answer, sig.SignDocumentResponse)
    cms = signed.sign_response[0].signature_object.base64_signature
    on_card = crypt.CertificateOnCard(card_handle=practice.smcb, crypt=crypt.Crypt.ECC)
    recipient = crypt.RecipientKeys(certificate_on_card=on_card)
    encrypt = crypt.EncryptDocument(
        context=practice.context, recipient_keys=recipient, document=ConnDocument(base64_data=Base64Data(data=text))
    )
    answer = (await call(practice, CRYPT, encrypt, packaged=True))[2]
    made = content_of(answer, crypt.EncryptDocumentResponse)
    key = crypt.PrivateKeyOnCard(card_handle=practice.smcb)
    decrypt = crypt.DecryptDocument(context=practice.context, private_key_on_card=key, document=made.document)
    verify = sig.VerifyDocument(
        context=practice.context,
        signature_object=SignatureObject(base64_signature=Base64Signature(value=cms.value, type=_CADES)),
        include_revocation_info=False,
    )
    enveloping = practice.sign(sig.Document(id="D", base64_xml=xml), around="D")
    made_around = content_of((await call(practice, SIGN, enveloping, packaged=True))[2], sig.SignDocumentResponse)
    around = made_around.sign_response[0].signature_object
    inline = replace(verify, signature_object=SignatureObject(signature=around.signature))
    return [
        Case("sign CAdES", SIGN, lambda: practice.sign(plain, _CADES)),
        Case("sign XAdES", SIGN, lambda: practice.sign(sig.Document(base64_xml=xml))),
        Case("sign PAdES", SIGN, lambda: practice.sign(_pdf(pdf))),
        Case("verify CAdES", SIGN, lambda: verify),
        Case("verify XAdES", SIGN, lambda: inline),
        Case("encrypt CMS", CRYPT, lambda: encrypt),
        Case("decrypt CMS", CRYPT, lambda: decrypt),
    ]


def _pdf(pdf: bytes) -> sig.Document:
    return sig.Document(base64_data=Base64Data(data=pdf, mime_type="application/pdf-a"))


async def measure(folder: Path, size: int, at_once: int, seconds: float, nice: int) -> None:
    """Starts the server, measures, prints."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.large_documents", "--serve", str(folder), stdin=-1, stdout=-1
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(server.stdout.readline(), 120))
        first, second = map(Practice.of, told)
        idle = _status(server.pid, "VmRSS")
        # What wraps a document must not make it larger than what is taken.
        await memory(server.pid, idle, first, await cases(first, size - 64 * 1024))
        await neighbours(server.pid, told[0], second, size, at_once, seconds, nice)
    finally:
        server.stdin.close()
        await asyncio.wait_for(server.wait(), 60)


async def memory(server: int, idle: int, practice: Practice, wanted: list[Case]) -> None:
    """One call after the other, each twice: the second one finds everything loaded."""
    half = f"{'body':>12}{'peak':>10}{'ratio':>7}{'time':>8}"
    print(f"{'':14}{half}{half}\n{'':14}{'plain':>37}{'packaged (MTOM)':>37}")
    for case in wanted:
        line = f"{case.name:14}"
        for packaged in (False, True):
            await call(practice, case.path, case.request(), packaged=packaged)
            await asyncio.sleep(0.5)
            request = case.request()
            reset_peak(server)
            body, seconds, _ = await call(practice, case.path, request, packaged=packaged)
            peak = _status(server, "VmHWM") - idle
            line += f"{body / MEGABYTE:8.1f} MiB{peak / MEGABYTE:6.0f} MiB{peak / body:7.2f}{seconds:7.2f}s"
        print(line, flush=True)
    print("goal: at most 4 × the body, packaged 3 ×")


async def neighbours(
    server: int, told: dict[str, Any], other: Practice, size: int, at_once: int, seconds: float, nice: int
) -> None:
    """GetCards of another tenant: nobody else there, then while large documents are signed."""
    asked = [write_envelope(GetCards(context=other.context))]
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        print("the client that measures has no real-time priority: its own waits for a processor are in the times")

    async def ask() -> Slice:
        return await load(server, other.port, other.tls, asked, 1, seconds, EVENTS)

    idle = await ask()
    signers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.large_documents", "--sign", json.dumps(told), "--megabytes",
        str(size // MEGABYTE), "--at-once", str(at_once), "--nice", str(nice), stdin=-1, stdout=-1,
    )  # fmt: skip
    assert signers.stdin is not None
    assert signers.stdout is not None
    try:
        for _ in range(at_once):
            await asyncio.wait_for(signers.stdout.readline(), 120)
        begun, cpu = perf_counter(), cpu_seconds(server)
        loaded = await ask()
        elapsed, cpu = perf_counter() - begun, cpu_seconds(server) - cpu
    finally:
        signers.stdin.close()
        rest = (await asyncio.wait_for(signers.communicate(), 120))[0].split()
    signed = sum(1 for at in map(float, rest) if at <= begun + elapsed)
    print(f"GetCards of a neighbour: idle p99 {idle.p99_ms:.2f} ms, {idle.per_second:.0f}/s")
    print(
        f"while {at_once} clients sign {size / MEGABYTE:.0f} MiB ({signed / elapsed:.1f}/s together): "
        f"p99 {loaded.p99_ms:.2f} ms, {loaded.per_second:.0f}/s; {loaded.p99_ms / idle.p99_ms:.2f} × idle, goal 2; "
        f"the server took {cpu / elapsed:.2f} processors"
    )


async def sign(told: dict[str, Any], size: int, at_once: int) -> None:
    """The signing clients' side: the time of each signature, a line each, until the input ends."""
    practice = Practice.of(told)
    document = sig.Document(base64_data=Base64Data(data=bytes(size)))

    async def one() -> None:
        connection = await connect(practice)
        while True:
            await call_on(connection, SIGN, practice.sign(document, _CADES), packaged=True)
            print(perf_counter(), flush=True)

    signers = [asyncio.create_task(one()) for _ in range(at_once)]
    await asyncio.to_thread(sys.stdin.readline)
    for signer in signers:
        signer.cancel()
    await asyncio.gather(*signers, return_exceptions=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.large_documents", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=25)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--nice", type=int, default=19, help="how much less than the server's their priority is")
    parser.add_argument("--sign", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sign is not None:
        os.nice(options.nice)
        if options.nice >= _LOWEST:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        uvloop.run(sign(json.loads(options.sign), options.megabytes * MEGABYTE, options.at_once))
        return
    if options.serve is not None:
        uvloop.run(serve(options.serve))
        return
    with TemporaryDirectory() as folder:
        uvloop.run(
            measure(
                Path(folder) / "lab",
                options.megabytes * MEGABYTE,
                options.at_once,
                options.seconds,
                options.nice,
            )
        )


if __name__ == "__main__":
    main()
