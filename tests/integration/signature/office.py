"""An office that signs: a lab in this process, and the operations of SignatureService as a client calls them."""

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from tests.pdfmaker import classic, objects
from tiaas.base.entropy import SeededEntropy
from tiaas.cli import onboard
from tiaas.cli.compose import Running
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.oasis_signature_policy_v1_0 import GenerateUnderSignaturePolicy
from tiaas.konnektor.assembly import operations
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.pinparts import Sak, build_pins
from tiaas.konnektor.services.context import call_context
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.signaturejobs import SignatureJobs
from tiaas.terminal.virtual.keypad import Keypad

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Brief xmlns="urn:x"><Text>Guten Tag</Text></Brief>\n'
TEXT = "Grüße".encode("iso-8859-15")
PDF = classic(objects())
TIFF = b"II*\0\x08\0\0\0" + bytes(8)


class Office:
    """See module."""

    def __init__(self, run: Running) -> None:
        self.run = run
        self.instance = run.served[0].instance
        self.context = self.instance.context
        self.operations = {op.request: op for op in operations(self.context)}
        entry = run.served[0].context
        self.ids = {
            "mandant_id": entry.mandant_id,
            "client_system_id": entry.client_system_id,
            "workplace_id": entry.workplace_id,
        }
        self.events: list[Event] = []
        self.context.hub.subscribe(self.events.append)
        self._numbers = SignatureJobs(SeededEntropy(b"numbers"))

    def without_sak(self) -> "Office":
        """The same practice with the parameter MGM_LU_SAK off: what is put together from it is put together anew."""
        context, ti = self.context, TiAccess(sak=False)
        _, qes = build_pins(
            context.infomodel,
            context.terminals,
            context.cards,
            context.trust,
            context.hub,
            Sak(None, context.qes.settings, ti.sak),
            context.store,
            context.clock,
            context.entropy,
        )
        out = copy(self)
        out.context = replace(context, qes=qes)
        out.operations = {op.request: op for op in operations(out.context)}
        return out

    def call_context(self, user: str | None = "u1", **ids: str) -> Context:
        """The practice's call context."""
        return Context(**(self.ids | ids), user_id=user)

    def session_context(self, user: str = "u1") -> CallContext:
        """The same for sessions."""
        return call_context(self.call_context(user))

    def number(self) -> str:
        """A job number that was not used before."""
        return self._numbers.new_number()

    def card(self, kind: CardType) -> Card:
        """The inserted card of that type."""
        return next(card for card in self.context.cards if card.card_type is kind)

    async def call(self, request: Any, peer: Peer | None = None) -> Any:
        """One operation as the dispatcher calls it."""
        operation = self.operations[type(request)]
        caller = peer or Peer("ab" * 32, frozenset({self.ids["client_system_id"]}), None, "127.0.0.1")
        response = await operation.handler(request, caller)
        assert isinstance(response, operation.response)
        return response

    def sign(
        self,
        *documents: v7_5.SignRequest,
        kind: CardType = CardType.SMC_B,
        crypt: v7_5.Crypt | None = None,
        **more: Any,
    ) -> v7_5.SignDocument:
        """A SignDocument of 7.5 for the card of that type."""
        values: dict[str, Any] = {
            "card_handle": self.card(kind).handle,
            "context": self.call_context(),
            "job_number": self.number(),
        }
        return v7_5.SignDocument(crypt=crypt, tv_mode=v7_5.TvMode.NONE, sign_request=documents, **(values | more))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something is true, at most a minute."""
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 (what is waited for has no event of its own)
                await asyncio.sleep(0.02)

    async def unlock(self) -> None:
        """Verifies PIN.SMC."""
        await onboard.unlock(self.run.served[0].kon, self.run.notices.append)

    async def code_of(self, request: Any) -> int:
        """The code with which an operation fails."""
        try:
            await self.call(request)
        except KonnektorError as error:
            return error.code
        raise AssertionError("it succeeded")


def wish(
    data: bytes,
    mime_type: str | None = None,
    *,
    xml: bool = False,
    name: str = "R1",
    text: str | None = "Brief",
    document_id: str | None = "D1",
    ocsp: bool = False,
    ref_uri: str | None = None,
    **inputs: Any,
) -> v7_5.SignRequest:
    """A SignRequest; further arguments are OptionalInputs."""
    document = v7_5.Document(
        id=document_id,
        ref_uri=ref_uri,
        short_text=text,
        base64_xml=data if xml else None,
        base64_data=None if xml else Base64Data(data=data, mime_type=mime_type),
    )
    return v7_5.SignRequest(
        optional_inputs=v7_5.SignInputs(**inputs) if inputs else None,
        document=document,
        include_revocation_info=ocsp,
        request_id=name,
    )


def around(response: v7_5.SignResponse) -> bytes:
    """The XML signature of an answer that encloses its document."""
    assert response.signature_object is not None
    assert response.signature_object.signature is not None
    return response.signature_object.signature_octets or b""


def policy(uri: str) -> GenerateUnderSignaturePolicy:
    """A signature policy to follow."""
    return GenerateUnderSignaturePolicy(identifier=uri)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals wait two seconds for a key, in place of the half minute that the Konnektor gives them."""
    wait = Keypad._next
    monkeypatch.setattr(Keypad, "_next", lambda keypad, patience: wait(keypad, min(patience, 2.0)))
