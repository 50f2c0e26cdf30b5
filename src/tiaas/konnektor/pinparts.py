"""Puts together what an instance does with PINs: the PIN operations and the qualified signature."""

from dataclasses import field

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.comfortusers import ComfortUsers
from tiaas.konnektor.config import SignatureSettings
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pinentry import PinPads
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.qes import Qes
from tiaas.konnektor.qespin import QesPins
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sakchannel import SakLink
from tiaas.konnektor.sakcvc import SakCvc
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.trustservice import Trust


@dataclass(frozen=True, slots=True)
class Sak:
    """The Signaturanwendungskomponente: its CV identity, without which there are no stacks, SAK_*, and MGM_LU_SAK."""

    cvc: SakCvc | None = None
    settings: SignatureSettings = field(default_factory=SignatureSettings)
    enabled: bool = True


def build_pins(
    model: LiveInfoModel,
    terminals: PinPads,
    cards: CardList,
    trust: Trust,
    hub: EventHub,
    sak: Sak,
    store: InstanceStore,
    clock: Clock,
    entropy: Entropy,
) -> tuple[Pins, Qes]:
    """Both share the way of a PIN that is typed at another terminal."""
    remote = RemotePins(cards, trust.cross_to, clock)
    link = SakLink(sak.cvc, trust, clock, entropy)
    entries = QesPins(model, terminals, hub, remote)
    qes = Qes(entries, remote, link, sak.settings, ComfortUsers(store), clock, enabled=sak.enabled)
    return Pins(model, terminals, hub, remote), qes
