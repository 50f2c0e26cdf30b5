"""Puts the Fachmodul VSDM of an instance together: what it has depends on how the instance reaches the TI."""

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.basis.accesslog import AccessLog
from tiaas.konnektor.c2c import CardToCard
from tiaas.konnektor.cardtls import CardTls, Handshakes
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.intermediaer import Endpoint, Intermediaer
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.servercheck import is_for_host
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.vsdm import Vsdm
from tiaas.konnektor.vsdmlog import LogLetters, VsdmLog
from tiaas.konnektor.vsdmonline import EgkStatus, LastSuccess, Online, OnlineLimits
from tiaas.konnektor.vsdmreceipt import CardReceipts, ReceiptKeys


def build_intermediaer(
    access: TiAccess,
    online: OnlineMode,
    network: Network,
    handshakes: Handshakes,
    trust: Trust,
    opstate: OperatingState,
    clock: Clock,
) -> Intermediaer | None:
    """The way to the Fachdienste, open while `online` is on; None where there is no Intermediär.

    Raises `InvalidInput` for an unusable URL.
    """
    if not access.intermediaer:
        return None

    async def judge(chain: tuple[bytes, ...], host: str) -> None:
        der = chain[0] if chain else b""
        await trust.check_fachdienst(der)
        if not is_for_host(der, host):
            raise KonnektorError(4156)

    tls = CardTls(network, judge, handshakes)
    return Intermediaer(Endpoint.of(access.intermediaer), tls, online, opstate, clock)


def certificate_status(access: TiAccess, trust: Trust) -> EgkStatus:
    """How the status of an eGK's certificate is asked; without a forwarder the offline check is all there is."""

    async def ask(der: bytes) -> bool:
        try:
            return (await trust.check_egk_online(der)).is_known
        except KonnektorError as error:
            # After the grace period of the TSL nothing can be checked; the card is still read.
            if error.code == 4002:
                return False
            raise

    async def leave(der: bytes) -> bool:
        return True

    return ask if access.ocsp_forwarder else leave


def build_vsdm(
    access: TiAccess,
    intermediaer: Intermediaer | None,
    trust: Trust,
    *,
    store: InstanceStore,
    hub: EventHub,
    clock: Clock,
    entropy: Entropy,
    letters: LogLetters | None = None,
    status: EgkStatus | None = None,
) -> Vsdm:
    """The Fachmodul; `status` instead of the trust service's own."""
    online = None
    if intermediaer is not None:
        limits = OnlineLimits(access.vsdm_seconds, access.offline_days_max)
        asked = status or certificate_status(access, trust)
        online = Online(intermediaer, asked, LastSuccess(store, clock), hub, clock, limits)
    return Vsdm(
        CardToCard(trust, clock, entropy),
        trust,
        hub,
        clock,
        CardReceipts(ReceiptKeys(store, entropy, access.receipt_secret), entropy),
        VsdmLog(AccessLog(clock), letters or LogLetters()),
        online,
        standalone=access.standalone,
    )
