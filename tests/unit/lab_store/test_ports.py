"""Ports stay the same, move with a notice, and are refused when the user named them."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.lab.errors import AddressUnusable, PortTaken
from tiaas.lab.ports import RANDOM_FIRST, RANDOM_LAST, Ports, is_free
from tiaas.lab.store import LabStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabStore]:
    with closing(LabStore.open(tmp_path / "lab")) as opened:
        yield opened


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _start(port: int) -> str:
    return f"started on {port}"


async def test_the_preferred_port_and_the_same_again(store: LabStore) -> None:
    port = _free()
    ports = Ports(store, SeededEntropy(b"1"))
    assert await ports.claim("control", "127.0.0.1", _start, preferred=port) == (port, f"started on {port}")
    again = Ports(store, SeededEntropy(b"2"))
    assert (await again.claim("control", "127.0.0.1", _start, preferred=1))[0] == port
    assert again.notices == []


async def test_a_new_lab_evades_without_a_word(store: LabStore, taken: int) -> None:
    ports = Ports(store, SeededEntropy(b"1"))
    port, _ = await ports.claim("control", "127.0.0.1", _start, preferred=taken)
    assert RANDOM_FIRST <= port <= RANDOM_LAST
    assert ports.notices == []


async def test_an_existing_lab_moves_for_good_and_says_so(store: LabStore, taken: int) -> None:
    store.put_meta("ports", {"control": taken})
    ports = Ports(store, SeededEntropy(b"1"))
    port, _ = await ports.claim("control", "127.0.0.1", _start, preferred=taken)
    assert ports.notices == [f"port {taken} of control is in use by another program; it is {port} from now on"]
    assert store.meta("ports") == {"control": port}


async def test_a_named_port_is_never_replaced(store: LabStore, taken: int) -> None:
    ports = Ports(store, SeededEntropy(b"1"))
    with pytest.raises(PortTaken, match=f"port {taken} on 127.0.0.1 is in use"):
        await ports.claim("konnektor/1", "127.0.0.1", _start, preferred=1, fixed=taken)


async def test_a_port_lost_between_look_and_listen_is_tried_elsewhere(store: LabStore) -> None:
    first = _free()

    async def start(port: int) -> int:
        if port == first:
            raise OSError(errno.EADDRINUSE, "in use")
        return port

    port, started = await Ports(store, SeededEntropy(b"1")).claim("control", "127.0.0.1", start, preferred=first)
    assert started == port != first


async def test_one_lab_gives_a_port_only_once(store: LabStore) -> None:
    port = _free()
    ports = Ports(store, SeededEntropy(b"1"))
    await ports.claim("konnektor/1", "127.0.0.1", _start, preferred=port)
    second, _ = await ports.claim("konnektor/2", "127.0.0.1", _start, preferred=port)
    assert second != port


async def test_what_is_new_does_not_take_the_port_of_what_comes_later(store: LabStore) -> None:
    held = _free()
    store.put_meta("ports", {"sicct/CT-2": held})
    ports = Ports(store, SeededEntropy(b"1"))
    new, _ = await ports.claim("sicct/CT-1-2", "127.0.0.1", _start, preferred=held)
    assert new != held
    assert (await ports.claim("sicct/CT-2", "127.0.0.1", _start, preferred=1))[0] == held
    assert ports.notices == []


async def test_a_named_port_is_taken_even_if_another_had_it(store: LabStore) -> None:
    held = _free()
    store.put_meta("ports", {"konnektor/2": held})
    ports = Ports(store, SeededEntropy(b"1"))
    assert (await ports.claim("konnektor/1", "127.0.0.1", _start, preferred=1, fixed=held))[0] == held


@pytest.mark.parametrize("host", ["192.0.2.1", "not an address", "host.invalid"])
def test_an_address_of_somebody_else(host: str) -> None:
    with pytest.raises(AddressUnusable, match="cannot listen on"):
        is_free(host, 20000)
