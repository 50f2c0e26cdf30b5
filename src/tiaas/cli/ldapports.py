"""Where the LDAP proxies of a lab's Konnektors listen, and what the ready file says of them."""

from dataclasses import replace

from tiaas.konnektor.config import Address, ClientAccess, LdapVariant
from tiaas.konnektor.instance import Instance
from tiaas.lab.lab import Lab
from tiaas.lab.ready import LdapEntry
from tiaas.lab.vzd.entries import BASE

LDAPS_PORT, LDAP_PORT = 8636, 8389
"""The registered ones, 636 and 389, need privileges."""


async def ldap_addresses(
    lab: Lab, access: ClientAccess, listen: str, number: int
) -> tuple[Address | None, Address | None]:
    """The addresses with and without TLS for the proxy of practice `number`; none where there is no directory.

    Raises `PortTaken`, `AddressUnusable`.
    """
    if not lab.vzd.url:
        return None, None
    secure = await _claim(lab, f"ldaps/{number}", listen, LDAPS_PORT + number - 1)
    if access.ldap_variant is not LdapVariant.PLAIN_TOO:
        return secure, None
    return secure, await _claim(lab, f"ldap/{number}", listen, LDAP_PORT + number - 1)


def ldap_entry(instance: Instance, host: str) -> LdapEntry | None:
    """What clients need, with `host` as the name they are told; None while no directory is served."""
    proxy = instance.directory
    if proxy is None or not proxy.is_open:
        return None
    plain = None if proxy.plain is None else f"ldap://{replace(proxy.plain, host=host)}"
    return LdapEntry(f"ldaps://{replace(proxy.address, host=host)}", plain, BASE)


async def _claim(lab: Lab, name: str, listen: str, preferred: int) -> Address:
    async def keep(port: int) -> int:
        return port

    port, _ = await lab.ports.claim(name, listen, keep, preferred=preferred)
    return Address(listen, port)
