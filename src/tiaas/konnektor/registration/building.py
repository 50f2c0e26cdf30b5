"""Puts the registration of an instance together."""

from tiaas.konnektor.cardtls import Handshakes
from tiaas.konnektor.config import InstanceConfig, Profile
from tiaas.konnektor.network import Network
from tiaas.konnektor.registration.client import RegistrationClient
from tiaas.konnektor.registration.keeper import Registration
from tiaas.konnektor.services.context import ServiceContext


def build_registration(
    context: ServiceContext, network: Network, config: InstanceConfig, handshakes: Handshakes, device: bytes | None
) -> Registration | None:
    """Of a box with a C.NK.VPN that has somebody to register at. Raises `BadInstanceConfig`."""
    url = config.box.registration_url
    if config.profile is not Profile.EINBOX or not url or device is None:
        return None
    return Registration(
        RegistrationClient(url, network, handshakes, context.trust),
        device,
        context.cards,
        context.store,
        context.hub,
        context.online_mode,
        context.clock,
        context.entropy,
    )
