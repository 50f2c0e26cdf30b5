"""TUC_KON_053: pairing with a terminal, and where both agree on it (gemSpec_Kon V5.18; VALIDATE of TUC_KON_050).

In two steps: `offer` brings the terminal's certificate and its fingerprint, `confirm` says that the fingerprint is the
one on the paper, and pairs. The connection of the offer stands meanwhile; a terminal that shows another certificate at
`confirm` is refused. `pair` does both.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from hmac import compare_digest
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.terminalevents import failure_event
from tiaas.konnektor.terminallist import Correlation, TerminalConfig, TerminalEntry
from tiaas.konnektor.trust import UntrustedTerminal
from tiaas.konnektor.trustservice import Trust
from tiaas.terminal.errors import PairingMismatch, PairingUnknown, TerminalError
from tiaas.terminal.front import FrontError
from tiaas.terminal.pairing import (
    BadPairingSignature,
    Pairing,
    fingerprint,
    new_secret,
    pairing_text,
    verify_pairing_signature,
)
from tiaas.terminal.session import TerminalSession

CHALLENGE_SIZE = 16
"""TUC_KON_050 step 6a: at least 16 octets."""
CERTIFICATE_NOT_VALID_TIME = 1021


class PairingInDoubt(TiaasError):
    """The connection broke before the terminal's answer to CREATE came: it may have stored the secret or not."""


@dataclass(frozen=True, slots=True)
class PairingOffer:
    """What the administrator compares with the paper. `done`: a pairing begun before has come to its end meanwhile."""

    fingerprint: str
    certificate: bytes
    done: bool = False


class PairingHost(Protocol):
    """The list of terminals, as far as pairing needs it; see `Terminals`."""

    def entry(self, ct_id: str) -> TerminalEntry:
        """Raises 4007."""
        ...

    def session(self, ct_id: str) -> TerminalSession:
        """The terminal's commands."""
        ...

    async def change(self, entry: TerminalEntry, config: TerminalConfig) -> None:
        """Keeps what has changed."""
        ...

    async def reconnect(self, entry: TerminalEntry) -> None:
        """Ends the connection and begins a new one."""
        ...

    async def answered(self, entry: TerminalEntry, wait: float) -> None:
        """Waits for the end of TUC_KON_050."""
        ...


class Pairer:
    """Pairs the terminals of one instance. `konnektor_name` is shown at the terminal (MGM_KONN_HOSTNAME)."""

    def __init__(
        self, host: PairingHost, hub: EventHub, trust: Trust, clock: Clock, entropy: Entropy, *, konnektor_name: str
    ) -> None:
        self._host = host
        self._hub = hub
        self._trust = trust
        self._clock = clock
        self._entropy = entropy
        self._name = konnektor_name

    async def offer(self, ct_id: str, wait: float = 30.0) -> PairingOffer:
        """Steps 1 to 3: connects, judges version and certificate, and tells the fingerprint.

        `wait` bounds, in seconds, how long the connection may take. A terminal that was refused (`gepairt`) is dialled
        again for it, and keeps its pairing until another one is confirmed. Raises `KonnektorError` 4007, 4040
        (connection, certificate), 1021 (its dates), 4042 (version).
        """
        entry = self._host.entry(ct_id)
        async with self._failing(entry):
            certificate = await self._shown(entry, wait)
            if certificate is not None:
                return PairingOffer(fingerprint(certificate), certificate)
        pairing = entry.config.pairing
        return PairingOffer("" if pairing is None else pairing.fingerprint, b"", done=True)

    async def confirm(self, ct_id: str, confirmed: str, wait: float = 30.0) -> None:
        """Steps 4 to 10 for the terminal that shows the certificate with the fingerprint `confirmed`.

        Upper or lower case, with or without colons. Raises what `pair` raises.
        """
        wanted = confirmed.replace(":", "").replace(" ", "").upper()
        await self.pair(ct_id, lambda shown: compare_digest(shown.replace(":", ""), wanted), wait)

    async def pair(self, ct_id: str, confirm: Callable[[str], bool], wait: float = 30.0) -> None:
        """All of TUC_KON_053. `confirm` gets the certificate's fingerprint and says yes or no.

        Raises what `offer` raises and 4041 (terminal refused, wrong signature). A refusal by `confirm` is 4040, too.
        """
        entry = self._host.entry(ct_id)
        async with self._failing(entry):
            certificate = await self._shown(entry, wait)
            if certificate is None:
                return  # the terminal knew the secret: what was begun then is done
            if not confirm(fingerprint(certificate)):
                raise KonnektorError(4040, "the fingerprint was not confirmed")
            pairing = await self._create(entry, certificate)
        await self._host.change(entry, replace(entry.config, correlation=Correlation.AKTIV, pairing=pairing))
        await self._close(entry)
        await self._host.reconnect(entry)

    async def maintain(self, ct_id: str, wait: float = 30.0) -> None:
        """Wartungs-Pairing (gemSpec_KT 2.5.2.4): makes this Konnektor's key known by the secret of an old pairing.

        For a terminal whose pairing was brought here, or that knew another key of ours. Raises 4040 (connection,
        another certificate than the pairing's), 4041 (no pairing, or the terminal does not know the secret).
        """
        entry = self._host.entry(ct_id)
        pairing = entry.config.pairing
        if pairing is None:
            raise KonnektorError(4041)
        if entry.config.correlation is not Correlation.GEPAIRT:
            await self._host.change(entry, replace(entry.config, correlation=Correlation.GEPAIRT))
        entry.maintained = True
        try:
            await self._host.reconnect(entry)
            await self._added(entry, pairing, wait)
        except KonnektorError as error:
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, error, deliver=False))
            raise
        finally:
            entry.maintained = False
        await self._host.change(entry, replace(entry.config, correlation=Correlation.AKTIV))
        await self._close(entry)
        await self._host.reconnect(entry)

    async def _added(self, entry: TerminalEntry, pairing: Pairing, wait: float) -> None:
        certificate = await self._certificate(entry, wait)
        if not compare_digest(certificate, pairing.certificate):
            raise KonnektorError(4040)
        try:
            await self._host.session(entry.config.ct_id).add_key(pairing.secret)
        except (TerminalError, FrontError) as error:
            raise _refused(error) from error

    async def _shown(self, entry: TerminalEntry, wait: float) -> bytes | None:
        """The certificate that may be paired with; None if a pairing begun before is done now."""
        begun_before = entry.begun_pairing is not None
        # Whether the terminal still knows the old pairing says nothing about a new one.
        entry.maintained = entry.config.correlation is Correlation.GEPAIRT
        try:
            if entry.refusal is not None or (entry.maintained and entry.product is None):
                await self._host.reconnect(entry)
            certificate = await self._certificate(entry, wait)
        finally:
            entry.maintained = False
        if begun_before and entry.config.correlation is Correlation.AKTIV:
            return None
        if not entry.valid_version:
            raise KonnektorError(4042)
        try:
            self._trust.check_terminal(certificate, self._clock.now())
        except UntrustedTerminal as error:
            raise _untrusted(error) from error
        return certificate

    async def _certificate(self, entry: TerminalEntry, wait: float) -> bytes:
        """The certificate of the present connection, once INIT CT SESSION went through."""
        try:
            await self._host.answered(entry, wait)
        except TimeoutError:
            raise KonnektorError(4040) from None
        if entry.refusal is not None and isinstance(entry.refusal.__cause__, UntrustedTerminal):
            raise _untrusted(entry.refusal.__cause__)
        if entry.refusal is not None or entry.certificate is None:
            raise KonnektorError(4040)
        return entry.certificate

    async def _create(self, entry: TerminalEntry, certificate: bytes) -> Pairing:
        """The secret is kept before the terminal gets it: whatever ends us meanwhile, the next connection asks the
        terminal whether it has it. A terminal has few pairing blocks, and only a person can free one."""
        pairing = Pairing(certificate, new_secret(self._entropy))
        await self._host.change(entry, replace(entry.config, correlation=Correlation.ZUGEWIESEN, pairing=pairing))
        await create(self._host.session(entry.config.ct_id), pairing, pairing_text(entry.config.mac, self._name))
        return pairing

    @asynccontextmanager
    async def _failing(self, entry: TerminalEntry) -> AsyncIterator[None]:
        """What every failure of TUC_KON_053 does: CT/ERROR, and no pairing is left that was not there before."""
        try:
            yield
        except PairingInDoubt:
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, KonnektorError(4041), deliver=False))
            await self._host.reconnect(entry)
            raise KonnektorError(4041) from None
        except KonnektorError as error:
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, error, deliver=False))
            if entry.config.correlation is not Correlation.GEPAIRT:
                await self._unpair(entry)
            raise

    async def _unpair(self, entry: TerminalEntry) -> None:
        await self._host.change(entry, replace(entry.config, correlation=Correlation.ZUGEWIESEN, pairing=None))
        await self._host.reconnect(entry)

    async def _close(self, entry: TerminalEntry) -> None:
        """Step 8: CLOSE CT SESSION before TLS ends; a terminal that does not answer loses it with TLS."""
        if entry.session_id:
            try:
                await self._host.session(entry.config.ct_id).close(entry.session_id)
            except (TerminalError, FrontError):
                entry.session_id = ""


async def create(session: TerminalSession, pairing: Pairing, text: str) -> None:
    """CREATE with `text` at the terminal's display. Raises `PairingInDoubt`, `KonnektorError` 4041."""
    try:
        signature = await session.create_pairing(pairing.secret, text)
        verify_pairing_signature(pairing.certificate, pairing.secret, signature)
    except TerminalError as error:
        raise _refused(error) from error
    except BadPairingSignature as error:
        raise KonnektorError(4041) from error
    except FrontError as error:
        raise PairingInDoubt("no answer to CREATE") from error


async def is_paired(session: TerminalSession, pairing: Pairing, shown: bytes, entropy: Entropy) -> bool:
    """Whether the terminal that shows the certificate `shown` is the one of the pairing and knows its secret.

    Raises `TerminalError` for an answer that says neither, `FrontError`.
    """
    if not compare_digest(pairing.certificate, shown):
        return False
    try:
        await session.validate(pairing.secret, entropy.octets(CHALLENGE_SIZE))
    except (PairingUnknown, PairingMismatch):
        return False
    return True


def _refused(error: TerminalError | FrontError) -> KonnektorError:
    sw = error.sw if isinstance(error, TerminalError) else None
    return KonnektorError(4041, fill="" if sw is None else f"{sw:04X}")


def _untrusted(error: UntrustedTerminal) -> KonnektorError:
    """Step 2b: dates are told as they are, everything else is 4040."""
    if error.code == CERTIFICATE_NOT_VALID_TIME:
        return KonnektorError(CERTIFICATE_NOT_VALID_TIME)
    return KonnektorError(4040, f"certificate: {error}")
