"""Is a message where it belongs? Header and path must name this service and an insurer it works for (VSDM-A_2283)."""

from collections.abc import Collection

from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceType
from tiaas.lab.vsdm.errors import ServiceError
from tiaas.lab.vsdm.server import Exchange

WRONG_SERVICE = 1006


def check_localization(found: ServiceLocalization | None, exchange: Exchange, own: Collection[ServiceType]) -> None:
    """Raises `ServiceError` 1006 and says which parameter is wrong and what was expected."""
    if found is None:
        raise ServiceError(WRONG_SERVICE, "ServiceLocalization: missing")
    if found.type not in own or exchange.type not in own:
        raise ServiceError(WRONG_SERVICE, f"Type: {' or '.join(own)} expected")
    if found.type != exchange.type:
        raise ServiceError(WRONG_SERVICE, f"Type: {exchange.type} expected")
    if found.provider != exchange.provider:
        raise ServiceError(WRONG_SERVICE, f"Provider: {exchange.provider} expected")
