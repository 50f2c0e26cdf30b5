"""What an instance checks of its own once a day and at boot: the server certificate, the terminals' certificates.

EC_TLS_Client_Certificate_Security: the certificate shown to Clientsysteme is weaker than 120 bits (an RSA key below
3000 bits; NIST SP 800-57 part 1, table 2). EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon: the certificate a
terminal was paired with has less than five weeks.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_der_x509_certificate

from tiaas.base.clock import Clock
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.terminallist import TerminalEntry

DAY_SECONDS = 86_400.0
EXPIRES_SOON = timedelta(weeks=5)
_RSA_BITS = 3_000


class SelfChecks:
    """The daily checks of one instance; a terminal's certificate is looked at when it connects, too."""

    def __init__(
        self,
        opstate: OperatingState,
        terminals: Iterable[TerminalEntry],
        hub: EventHub,
        clock: Clock,
        server: Callable[[], Certificate],
    ) -> None:
        self._opstate = opstate
        self._terminals = terminals
        self._clock = clock
        self._server = server
        self._task: asyncio.Task[None] | None = None
        hub.subscribe(self._on_event, Topic.CT_CONNECTED)

    def start(self) -> None:
        """Checks now and daily."""
        self.look()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Checks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Checks everything."""
        key = self._server().public_key()
        is_weak = isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS
        self._opstate.set(Condition.TLS_CLIENT_CERTIFICATE_SECURITY, is_weak)
        for entry in self._terminals:
            self._look_at(entry)

    def _look_at(self, entry: TerminalEntry) -> None:
        pairing = entry.config.pairing
        soon = False
        if pairing is not None:
            ends = load_der_x509_certificate(pairing.certificate).not_valid_after_utc
            soon = ends - self._clock.now() < EXPIRES_SOON
        self._opstate.set(Condition.CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON, soon, of=entry.config.ct_id)

    def _on_event(self, event: Event) -> None:
        if event.ct_id is not None:
            for entry in self._terminals:
                if entry.config.ct_id == event.ct_id:
                    self._look_at(entry)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(DAY_SECONDS)
            self.look()
