"""Fuzz target: what udhcpc and its script write; whatever is taken is a lease that can be put in place."""

from contextlib import suppress

from tiaas.konnektor.dhcpclient import BadLease, read_lease_untrusted

_CHATTER = b"udhcpc: started, v1.35.0\nudhcpc: broadcasting discover\n"
_GOOD = b"tiaas ip=192.168.8.57\ntiaas mask=24\ntiaas router=192.168.8.1\ntiaas lease=3600\n"
SEEDS: list[bytes] = [
    _CHATTER + _GOOD,
    _GOOD.replace(b"=192.168.8.1\n", b"=\n"),
    _GOOD.replace(b"3600", b"4294967295"),
    _CHATTER + b"udhcpc: no lease, failing\n",
]


def target(data: bytes) -> None:
    """Only `BadLease` may escape."""
    with suppress(BadLease):
        lease = read_lease_untrusted(data)
        assert lease.address.ip in lease.address.network
        assert 0 <= lease.seconds <= 7 * 86_400
