"""Puts the trust service of an instance together."""

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.config import BadInstanceConfig, TiAccess
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.importedcas import ImportedCas
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.network import Network
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.trustsource import FixedTrust
from tiaas.konnektor.tslservice import TslService
from tiaas.konnektor.web import WebClient


def build_trust(
    given: TrustSpace,
    anchor: bytes | None,
    access: TiAccess,
    *,
    network: Network,
    store: InstanceStore,
    hub: EventHub,
    opstate: OperatingState,
    clock: Clock,
    entropy: Entropy,
    reader: ListReader | None = None,
    online: OnlineMode | None = None,
) -> Trust:
    """With a TSL address the lists count, and of `given` the CVC roots only; without one `given` counts, for ever.

    `anchor` is the TSL-Signer-CA (DER) that is trusted before the first TSL tells more. `reader` reads lists for all
    instances of a node; without one the instance reads them for itself. `online` None: as in
    `access`. Raises `BadInstanceConfig`, `BadCertificate`.
    """
    web = WebClient(network)
    mode = online or OnlineMode(access.online)
    ocsp = OcspClient(access, web, clock, entropy, mode)
    imported = ImportedCas(store)
    if not access.tsl_url:
        return Trust(FixedTrust(given), ocsp, web, clock, imported)
    if not anchor:
        raise BadInstanceConfig("with a tsl_url the instance needs a tsl_anchor, the certificate of the TSL-Signer-CA")
    reading, service = reader or ListReader(), TslService(web, access.tsl_tls_port, clock)
    lists = TrustLists(given, anchor, access, service, reading, ocsp, store, hub, opstate, clock, entropy, mode)
    trust = Trust(lists, ocsp, web, clock, imported)
    service.check = trust.check_central_service
    return trust
