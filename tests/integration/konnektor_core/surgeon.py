"""A desk at which somebody signs: an HBA in CT1, a gSMC-KT in each terminal, the instance's SAK."""

from tests.integration.konnektor_core.desk import CT_DESK, CT_SERVER, Desk
from tiaas.base.secret import Secret
from tiaas.konnektor.cardmap import ECC, QES
from tiaas.konnektor.cards import Card
from tiaas.konnektor.comfortusers import ComfortUsers
from tiaas.konnektor.config import SignatureSettings
from tiaas.konnektor.keyuse import CertifiedKey, certified_key
from tiaas.konnektor.qes import Qes
from tiaas.konnektor.qesjob import QesJob
from tiaas.konnektor.qespin import QesPins
from tiaas.konnektor.sakchannel import SakLink
from tiaas.konnektor.sakcvc import SakCvc

SAK_ICCSN = "80276001990000000001"
PIN_QES = "PIN.QES"


def sak_of(desk: Desk) -> SakCvc:
    """An identity of the lab's CVC CA."""
    certificate, ca, key = desk.practice.pki.sak_cvc(SAK_ICCSN)
    return SakCvc.load(certificate, ca, Secret(key))


class Surgeon:
    """See module. Build it with `make`."""

    def __init__(
        self, desk: Desk, hba: Card, key: CertifiedKey, settings: SignatureSettings, sak: SakCvc | None
    ) -> None:
        self.desk = desk
        self.hba = hba
        self.key = key
        practice = desk.practice
        pins = QesPins(desk.model, desk, practice.hub, desk.remote)
        link = SakLink(sak, practice.trust, practice.clock, practice.entropy)
        self.qes = Qes(pins, desk.remote, link, settings, ComfortUsers(practice.store), practice.clock)
        self.signed: list[int] = []

    @classmethod
    async def make(cls, settings: SignatureSettings | None = None, *, with_sak: bool = True) -> "Surgeon":
        """A fresh practice."""
        desk = Desk()
        hba = await desk.hba()
        for ct_id in (CT_SERVER, CT_DESK):
            await desk.gsmckt(ct_id)
        key = await certified_key(hba, QES, ECC, desk.practice.clock)
        assert key is not None
        return cls(desk, hba, key, settings or SignatureSettings(), sak_of(desk) if with_sak else None)

    @property
    def pin(self) -> str:
        """The right PIN.QES."""
        return self.desk.secret(self.hba, PIN_QES)

    def job(self, workplace: str = "AP1", user: str = "U1") -> QesJob:
        """A job of that user at that workplace."""
        session = self.desk.session(self.hba, user=user)
        return QesJob(self.hba, session, workplace, "ABC-475", self.key, on_signed=self.signed.append)
