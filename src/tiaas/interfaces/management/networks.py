"""Documents about the networks behind the TI (gemSpec_Kon V5.18 ANLW_BESTANDSNETZE, ANLW_AKTIVE_BESTANDSNETZE)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Told


@dataclass(frozen=True, slots=True)
class ConnectedNetwork:
    """A network of Bestandsnetze.xml."""

    network_id: str
    name: str
    segments: Annotated[tuple[str, ...], Told("address and prefix")]
    domain: str
    servers: Annotated[tuple[str, ...], Told("DNS_SERVERS_BESTANDSNETZE, if it is active")]
    valid_from: Annotated[str, Told("a day, as the next two")]
    valid_until: str
    changed: str
    is_active: Annotated[bool, Told("whether it is one of ANLW_AKTIVE_BESTANDSNETZE")]


@dataclass(frozen=True, slots=True)
class NetworkOverview:
    """All networks, and how it went when the KSR was asked last."""

    config_url: Annotated[str, Told("MGM_KSR_KONFIG_URL; empty: there is no KSR that tells of networks")]
    version: Annotated[str, Told("of Bestandsnetze.xml; empty: none was taken over yet")]
    activate_new: Annotated[bool, Told("ANLW_IA_BESTANDSNETZE")]
    asked: Annotated[datetime | None, Told("null: not since the start")]
    code: Annotated[int | None, Told("4198 if the last list was not taken over")]
    reason: str
    routes: Annotated[tuple[str, ...], Told("segments that a box wants to reach through the TI; none with profile hsk")]
    networks: tuple[ConnectedNetwork, ...]


@dataclass(frozen=True, slots=True)
class NetworkSettingsData:
    """What becomes of networks that are new in the list."""

    activate_new: Annotated[bool, Told("ANLW_IA_BESTANDSNETZE: AN or AUS")] = True


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """Whether a network is used."""

    is_active: bool
