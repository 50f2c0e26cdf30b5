"""A Konnektor killed while it takes over a trust list: afterwards it has the old list or the new one, never half."""

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from tests.integration.konnektor_trust.importer import opened
from tests.unit.konnektor_trust.listmaker import Listed, ListMaker, SignerCa
from tests.unit.pki.ocspmaker import NOW, World
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.pki.oids import CertificateType
from tiaas.pki.tsl import ServiceType

ROOT = Path(__file__).parents[3]
KILLS = 4
FIRST, COUNT = 10_001, 30


def write_lists(folder: Path, odd: SignerCa, even: SignerCa) -> None:
    """Lists that name one CA more each time, and announce one trust anchor or the other by their number."""
    anchor = SignerCa("TSL-CA0 TEST-ONLY")
    (folder / "anchor.der").write_bytes(anchor.anchor.encoded)
    authority = World("CA TEST-ONLY")
    services = tuple(
        Listed(ServiceType.CA, authority.ca.encoded, f"http://{number}/", (CertificateType.CH_AUT.oid,))
        for number in range(COUNT)
    )
    for number in range(FIRST, FIRST + COUNT):
        plain = ListMaker(anchor, services[: number - FIRST + 1], number=number - 1)
        following = odd if number % 2 else even
        document = plain.announcing(following, NOW.replace(year=NOW.year + 1)).document()
        (folder / f"{number}.xml").write_bytes(document)


async def test_killed_at_random_moments(tmp_path: Path) -> None:
    odd, even = SignerCa("TSL-CA1 TEST-ONLY"), SignerCa("TSL-CA2 TEST-ONLY")
    folder = tmp_path / "lists"
    folder.mkdir()
    write_lists(folder, odd, even)
    path = tmp_path / "store.db"
    random = Random("kill")
    before = 0
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.integration.konnektor_trust.importer", str(path), str(folder), NOW.isoformat()),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        last = 0
        for _ in range(random.randrange(2, 6)):
            line = await process.stdout.readline()
            assert line.strip() != b"end", "the process was to be killed before"
            last = int(line)
            process.stdin.write(b"\n")
        # Somewhere within the import of `last`, or after it.
        await asyncio.sleep(random.random() * 0.05)
        process.kill()
        await process.wait()

        store = await SqliteStore.open(path)
        status = (await opened(store, (folder / "anchor.der").read_bytes(), NOW)).status()
        await store.close()
        number = status.tsl.sequence_number
        assert number is not None
        assert before < number
        assert number in (last - 1, last)
        assert status.issuers == number - FIRST + 1
        assert status.next_anchor is not None
        assert status.next_anchor.name == ("TSL-CA1 TEST-ONLY" if number % 2 else "TSL-CA2 TEST-ONLY")
        before = number
