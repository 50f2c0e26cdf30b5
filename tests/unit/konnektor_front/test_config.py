"""Switches and addresses."""

from dataclasses import replace

import pytest

from tiaas.konnektor.config import (
    Address,
    AuthenticationMode,
    BadInstanceConfig,
    ClientAccess,
    InstanceConfig,
    Profile,
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
        InstanceConfig("a", address, access=ClientAccess(tls_mandatory=False), profile=Profile.EINBOX)


@pytest.mark.requirement("A_23303")
@pytest.mark.parametrize(
    "weaker",
    [
        ClientAccess(tls_mandatory=False),
        ClientAccess(authentication_mandatory=False),
        ClientAccess(mode=AuthenticationMode.PASSWORD),
        ClientAccess(ldap_authentication=False),
    ],
)
def test_only_a_lab_runs_an_hsk_with_less_than_client_certificates(weaker: ClientAccess) -> None:
    address = Address("127.0.0.1", 443)
    with pytest.raises(BadInstanceConfig, match="A_23303"):
        InstanceConfig("a", address, Address("127.0.0.1", 80), access=weaker)
    InstanceConfig("a", address, Address("127.0.0.1", 80), access=weaker, profile=Profile.EINBOX)
    InstanceConfig("a", address, Address("127.0.0.1", 80), access=replace(weaker, weaker_allowed=True))


def test_addresses_as_in_urls() -> None:
    assert str(Address("127.0.0.1", 1)) == "127.0.0.1:1"
    assert str(Address("::1", 1)) == "[::1]:1"
