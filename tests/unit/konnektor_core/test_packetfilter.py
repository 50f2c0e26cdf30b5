"""What keeps a packet filter from being in force before the kernel is asked: the namespace, the file, nft itself."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.unit.konnektor_core.test_packetrules import CHAIN
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.nft import Nft, NftError
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.ownnetwork import why_not_own
from tiaas.konnektor.packetfilter import PacketFilter
from tiaas.konnektor.packetrules import RULES_OCTETS
from tiaas.konnektor.protocol import Level, MemoryMedium, ProtocolService, Query
from tiaas.konnektor.protocol.entry import SYSTEM

MACHINE, CORE = "this process is in the machine's own", "sys/net/core"


def made_proc(folder: Path, *, settings: tuple[str, ...], own: str, first: str | None, pids: str) -> Path:
    """A /proc as the kernel shows it to a process."""
    proc = folder / "proc"
    for place in (CORE, "self/ns", "1/ns"):
        (proc / place).mkdir(parents=True)
    for name in settings:
        (proc / CORE / name).touch()
    (proc / "self/ns/net").symlink_to(own)
    (proc / "self/ns/pid").symlink_to(pids)
    if first is not None:
        (proc / "1/ns/net").symlink_to(first)
    return proc


EACH, OF_MACHINE = ("somaxconn",), ("somaxconn", "netdev_max_backlog")
FIRST_PIDS, OTHER_PIDS = "pid:[4026531836]", "pid:[4026532190]"


@pytest.mark.parametrize(
    ("settings", "first", "pids", "why"),
    [
        (EACH, "net:[1]", FIRST_PIDS, ""),  # ip netns exec
        (EACH, None, FIRST_PIDS, ""),  # unshare -rn: number 1 cannot be asked
        (EACH, "net:[2]", OTHER_PIDS, ""),  # a container: number 1 is in it, too
        (EACH, "net:[2]", FIRST_PIDS, MACHINE),  # a kernel that hides what the machine has
        (OF_MACHINE, "net:[2]", FIRST_PIDS, MACHINE),
        (OF_MACHINE, "net:[1]", FIRST_PIDS, MACHINE),
        (OF_MACHINE, "net:[2]", OTHER_PIDS, MACHINE),  # a container with the network of its host
        ((), "net:[1]", FIRST_PIDS, "the kernel does not tell"),
    ],
)
def test_only_a_network_namespace_that_is_surely_our_own_is_touched(
    tmp_path: Path, settings: tuple[str, ...], first: str | None, pids: str, why: str
) -> None:
    found = why_not_own(made_proc(tmp_path, settings=settings, own="net:[2]", first=first, pids=pids))
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_without_proc_nothing_is_touched(tmp_path: Path) -> None:
    assert why_not_own(tmp_path).startswith("the kernel does not tell")


class Bench:
    """A filter between a file of rules and a program of the name nft, in a namespace that seems to be its own."""

    def __init__(self, folder: Path) -> None:
        clock, hub, store, entropy = ManualClock(SystemClock().now()), EventHub(), MemoryStore(), SeededEntropy(b"nft")
        self.folder = folder
        self.proc = made_proc(folder, settings=EACH, own="net:[2]", first="net:[1]", pids=FIRST_PIDS)
        self.rules = folder / "rules.nft"
        self.rules.write_text(CHAIN)
        self.opstate = OperatingState(hub, clock, box=True)
        self.protocol = ProtocolService(MemoryMedium(), store, hub, self.opstate, clock, entropy)

    def program(self, script: str) -> Nft:
        program = self.folder / "nft"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return Nft(f"{self.folder}:/usr/bin:/bin", seconds=3.0)

    async def reason(self, nft: Nft) -> str:
        """Why the filter does not come into force, as the log tells it."""
        packet_filter = PacketFilter(self.rules, "tiaas_x", nft, self.proc)
        await self.protocol.start()
        await packet_filter.open(self.opstate, self.protocol)
        assert not self.opstate.holds(Condition.FIREWALL_NOT_RELIABLE), "not before it is in use"
        with pytest.raises(KonnektorError, match="4164"):
            await packet_filter.load()
        assert self.opstate.holds(Condition.FIREWALL_NOT_RELIABLE)
        (entry,) = await self.protocol.entries(SYSTEM, Query(code=4164))
        assert entry.level is Level.FATAL
        reason = packet_filter.reason
        assert dict(entry.parameters) == {"Target": "tiaas_x", "Reason": reason}
        await packet_filter.close()
        await self.protocol.stop()
        return reason


def _put(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Something else in the place of a file."""

    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.code(4164)
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 1", "nft ends with 1"),
        ("echo 'netlink: Error: cache initialization failed: Operation not permitted' >&2; exit 1",
         "nft refuses: cache initialization failed: Operation not permitted"),
        ("sed -n 2p; echo '/dev/stdin:2:4-7: Error: no' >&2; exit 1", "nft refuses: line 2: no"),
        ("exec sleep 60", "nft does not end within 3 s"),
        ("exec cat /dev/zero", "nft writes more than 2097152 octets"),
        ("exit 0", "nft does not list the table"),
    ],
)  # fmt: skip
async def test_an_nft_that_fails_is_4164_and_the_state(bench: Bench, script: str, why: str) -> None:
    assert await bench.reason(bench.program(script)) == why


async def test_what_an_nft_loaded_that_was_ended_for_its_slowness_goes_at_the_stop(bench: Bench) -> None:
    table = bench.folder / "table"
    script = f"""case "$*" in
"-f -") touch {table}; exec sleep 60;;
*list*) [ -e {table} ] && echo 'table inet tiaas_x {{ # handle 7' && echo '}}';;
"delete table inet handle 7") rm {table};;
esac"""
    assert await bench.reason(bench.program(script)) == "nft does not end within 3 s"
    assert not table.exists()


@pytest.mark.code(4164)
async def test_without_nft_it_says_what_to_install(bench: Bench) -> None:
    assert await bench.reason(Nft(str(bench.folder))) == "there is no nft here (Debian: apt-get install nftables)"


@pytest.mark.code(4164)
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "the file with the rules cannot be read"),
        (_put(Path.mkdir), "the file with the rules cannot be read"),
        (_put(os.mkfifo), "the file with the rules cannot be read"),
        (_put(lambda path: path.symlink_to("/dev/zero")), "the file with the rules cannot be read"),
        (lambda path: path.write_bytes(b"#" * (RULES_OCTETS + 1)), "more than 65536 octets"),
        (lambda path: path.write_text("flush ruleset\n"), "line 1: a table holds chain, counter, define"),
    ],
)
async def test_a_file_that_holds_no_rules_never_gets_to_nft(
    bench: Bench, damage: Callable[[Path], object], why: str
) -> None:
    damage(bench.rules)
    asked = bench.folder / "asked"
    assert (await bench.reason(bench.program(f"touch {asked}"))).startswith(why)
    assert not asked.exists()


@pytest.mark.code(4164)
async def test_the_machines_own_packet_filter_is_never_asked(bench: Bench) -> None:
    (bench.proc / CORE / "netdev_max_backlog").touch()
    asked = bench.folder / "asked"
    assert (await bench.reason(bench.program(f"touch {asked}"))).startswith(MACHINE)
    assert not asked.exists()


@pytest.mark.code(4164)
async def test_a_table_that_cannot_be_watched_does_not_stay(bench: Bench) -> None:
    asked = bench.folder / "asked"
    nft = bench.program(f'echo "$*" >>{asked}; [ "$1" != --handle ]')
    assert await bench.reason(nft) == "nft ends with 1"
    begun, listed, deleted = asked.read_text().splitlines()
    assert (begun, deleted) == ("-f -", "delete table inet tiaas_x")
    assert listed.endswith(" list table inet tiaas_x")


async def test_nft_has_an_environment_of_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SECRET", "1")
    shown = (await bench.program("env; pwd").run()).decode().splitlines()
    assert {line.partition("=")[0] for line in shown} <= {"PATH", "LC_ALL", "PWD", "OLDPWD", "_", "SHLVL", "/"}
    assert shown[-1] == "/"


async def test_without_a_file_descriptor_left_it_fails_as_nft_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used_up(name: str, flags: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", used_up)
    with pytest.raises(NftError, match="nft cannot be run: Too many open files"):
        await bench.program("exit 0").run()


async def test_a_program_that_cannot_be_started_is_told(bench: Bench) -> None:
    nft = bench.program("exit 0")
    (bench.folder / "nft").write_text("#!/nowhere\n")
    with pytest.raises(NftError, match="nft cannot be run: No such file"):
        await nft.run()
