"""Documents about the registration of a box at its VPN-Zugangsdienst (gemSpec_Kon V5.18 TAB_KON_661, 662, 732)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Text, Told


@dataclass(frozen=True, slots=True)
class RegistrationWish:
    """With what a box is registered."""

    contract_id: Annotated[str, Text(1, 256, r"[A-Za-z0-9%()=!?+\-*/#_@:.]*"), Told("MGM_ZGDP_CONTRACTID (A_14623)")]
    smb: Annotated[str, Text(20, 20, "[0-9]*"), Told("MGM_ZGDP_SMCB: the ICCSN of a managed SM-B")]


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """How a box is registered. What begins with `registered_` is of the registration, not of what is wanted next."""

    server_url: Annotated[str, Told("MGM_ZGDP_REGSERVER")]
    contract_id: str
    smb: str
    access_granted: Annotated[bool, Told("MGM_TI_ACCESS_GRANTED")]
    registered_at: datetime | None
    registered_contract_id: str
    registered_smb: str
    registered_serial: Annotated[str, Told("serial number of the C.NK.VPN, decimal")]
    contract_status: Annotated[str, Told("VPN:ContractStatus")]
    information: Annotated[str, Told("what the VPN-Zugangsdienst had to say")]
    data_sent: Annotated[datetime | None, Told("when operating data arrived there last")]
    send_failure: Annotated[str, Told("why they did not the last time")]
