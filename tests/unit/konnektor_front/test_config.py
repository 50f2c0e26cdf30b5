"""Switches and addresses."""

import pytest

from tiaas.konnektor.config import (
    Address,
    AuthenticationMode,
    BadInstanceConfig,
    ClientAccess,
    InstanceConfig,
    Variant,
)


@pytest.mark.parametrize(
    ("access", "variant", "checked"),
    [
        (ClientAccess(), Variant.CERTIFICATE, True),
        (ClientAccess(mode=AuthenticationMode.PASSWORD), Variant.PASSWORD, True),
        (ClientAccess(authentication_mandatory=False), Variant.TLS_ONLY, False),
        (ClientAccess(tls_mandatory=False), Variant.PLAIN_TOO, False),
        (ClientAccess(tls_mandatory=False, mode=AuthenticationMode.PASSWORD), Variant.PLAIN_TOO, False),
    ],
)
def test_variants(access: ClientAccess, variant: Variant, checked: bool) -> None:
    assert access.variant is variant
    assert access.clients_are_checked is checked


def test_what_does_not_go_together() -> None:
    address = Address("127.0.0.1", 443)
    with pytest.raises(BadInstanceConfig):
        InstanceConfig("", address)
    with pytest.raises(BadInstanceConfig):
        InstanceConfig("a", address, plain=address)
    with pytest.raises(BadInstanceConfig):
        InstanceConfig("a", address, access=ClientAccess(tls_mandatory=False))


def test_addresses_as_in_urls() -> None:
    assert str(Address("127.0.0.1", 1)) == "127.0.0.1:1"
    assert str(Address("::1", 1)) == "[::1]:1"
