"""The Konnektor's own state as a message: link to the TI and all error conditions (gemSpec_Kon V5.18, TUC_KON_254)."""

from tiaas.interfaces.connector_common_v5_0 import (
    Connection,
    Connector,
    ErrorState,
    OperatingState,
    StateSeverity,
    StateType,
    VpnStatus,
)
from tiaas.konnektor import opstate as states
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition


def connector_state(
    opstate: states.OperatingState, online_mode: OnlineMode, *, names_terminals: bool = True
) -> Connector:
    """The state now. Without `names_terminals` a condition of a terminal does not say of which (A_21225)."""
    held = {state.condition: state for state in opstate if not state.of}
    link = [held[c] for c in (Condition.NO_ONLINE_CONNECTION, Condition.NO_VPN_TI_CONNECTION) if c in held]
    online = online_mode.active and not any(state.value for state in link)
    # A Highspeed-Konnektor has no access to the SIS; its VPN to the TI is the data centre's.
    has_sis, since = online_mode.sis or (False, opstate.start)
    return Connector(
        vpn_ti_status=VpnStatus(
            connection_status=Connection.ONLINE if online else Connection.OFFLINE,
            timestamp=max(state.since for state in link),
        ),
        vpn_sis_status=VpnStatus(
            connection_status=Connection.ONLINE if has_sis else Connection.OFFLINE, timestamp=since
        ),
        operating_state=OperatingState(
            error_state=tuple(
                ErrorState(
                    error_condition=state.name if names_terminals else state.condition.value.name,
                    severity=StateSeverity(state.condition.value.severity.value),
                    type=StateType(state.condition.value.kind.value),
                    value=state.value,
                    valid_from=state.since,
                )
                for state in opstate
            )
        ),
    )
