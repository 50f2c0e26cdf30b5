"""An instance with a trust space of its own: where lists come from, what they hold, and the lists made for it."""

import ssl
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.konnektor_trust.listmaker import Listed, ListMaker, SignerCa
from tests.unit.konnektor_trust.listserver import ListServer
from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy, SystemEntropy
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.trustservice import Trust
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity, Validity, issue_end_entity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.profiles import PROFILES
from tiaas.pki.tlsfiles import load_identity
from tiaas.pki.tsl import ServiceType

OLD, NEW, STRANGER = SignerCa("TSL-CA1 TEST-ONLY"), SignerCa("TSL-CA2 TEST-ONLY"), SignerCa("TSL-CA3 TEST-ONLY")
BRIEF = SignerCa("TSL-CA4 TEST-ONLY", Validity(SPAN.start, NOW + timedelta(days=10)))
LONG = SignerCa("TSL-CA5 TEST-ONLY", Validity(SPAN.start, SPAN.end + timedelta(days=1000)))
NATIONAL = SignerCa("BNetzA TEST-ONLY")
EGK_CA, OTHER_CA = World("EGK-CA TEST-ONLY"), World("EGK-CA2 TEST-ONLY")
KOMP_CA = World("KOMP-CA TEST-ONLY")
OCSP = "http://ocsp.lab/"
DAY = timedelta(days=1)


def ca(world: World) -> Listed:
    return Listed(ServiceType.CA, world.ca.encoded, OCSP, (CertificateType.CH_AUT.oid,))


SERVICES = (
    ca(EGK_CA),
    Listed(ServiceType.OCSP, EGK_CA.signer.encoded),
    Listed(ServiceType.CA, OLD.anchor.encoded, OCSP),
    Listed(ServiceType.OCSP, OLD.world.signer.encoded),
    Listed(ServiceType.BNETZA, NATIONAL.signer.encoded),
    Listed(ServiceType.CA, KOMP_CA.ca.encoded, extensions=(CertificateType.ZD_TLS_S.oid,)),
)
FIRST = ListMaker(OLD, SERVICES)
VL = ListMaker(NATIONAL, (Listed(ServiceType.QUALIFIED_CA, OTHER_CA.ca.encoded, OCSP),), number=7)


def tls_identity(
    ca: World = KOMP_CA, role: Role = Role.TSL_TI, hosts: tuple[str, ...] = ("127.0.0.1",), span: Validity = SPAN
) -> ssl.SSLContext:
    """A server's context with C.ZD.TLS-S below `ca`."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    holder = EndEntity(component_name("tsl", "NOT-VALID"), key.public_key(), build_admission(role), hosts=hosts)
    made = issue_end_entity(PROFILES[CertificateType.ZD_TLS_S], holder, ca.authority, span, SystemEntropy())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    load_identity(context, key, x509.load_der_x509_certificate(made))
    return context


def tampered(document: bytes) -> bytes:
    return document.replace(b"<Locality>l<", b"<Locality>x<", 1)


@dataclass
class Bench:
    server: ListServer
    forwarder: Forwarder
    store: InstanceStore
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    events: list[Event] = field(default_factory=list)
    access: TiAccess = field(default_factory=TiAccess)
    reader: ListReader | None = None

    async def boot(self, seed: bytes = b"lists") -> Trust:
        """An instance on what the store holds."""
        hub = EventHub()
        hub.subscribe(self.events.append)
        self.opstate = OperatingState(hub, self.clock)
        self.online = OnlineMode(self.access.online)
        self.trust = build_trust(
            TrustSpace((), ()),
            OLD.anchor.encoded,
            self.access,
            network=Network(),
            store=self.store,
            hub=hub,
            opstate=self.opstate,
            clock=self.clock,
            entropy=SeededEntropy(seed),
            reader=self.reader,
            online=self.online,
        )
        await self.lists.load()
        return self.trust

    @property
    def lists(self) -> TrustLists:
        assert self.trust.lists is not None
        return self.trust.lists

    @property
    def number(self) -> int | None:
        return self.trust.status().tsl.sequence_number

    def topics(self) -> list[str]:
        found = [str(event.topic) for event in self.events]
        self.events.clear()
        return found

    def holds(self) -> set[str]:
        return {state.name for state in self.opstate if state.value}

    async def trusts_egk(self, world: World = EGK_CA) -> bool:
        try:
            self.trust.check_egk(world.insured().encoded, self.clock.now())
        except KonnektorError:
            return False
        return True


async def with_vl(bench: Bench) -> None:
    bench.access = replace(bench.access, bnetza_url=f"{bench.server.secure_url}/vl.xml")
    bench.server.publish(VL.document(), "/vl.xml")
    await bench.boot()
    await bench.lists.tick()
    bench.topics()
