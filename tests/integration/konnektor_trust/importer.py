"""A process that imports one trust list after the other, to be killed at any moment.

Arguments: store, folder with `anchor.der` and lists `NNNNN.xml`. Prints the number of each list, which is imported
when a line has come.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustservice import Trust


async def opened(store: SqliteStore, anchor: bytes, now: datetime) -> Trust:
    """The trust service of the instance `one` on this store."""
    hub, clock = EventHub(), ManualClock(now)
    trust = build_trust(
        TrustSpace((), ()),
        anchor,
        TiAccess(online=False, tsl_url="http://tsl.lab/tsl.xml"),
        network=Network(),
        store=store.bind(await store.take_over("one")),
        hub=hub,
        opstate=OperatingState(hub, clock),
        clock=clock,
        entropy=SeededEntropy(b"importer"),
    )
    assert trust.lists is not None
    await trust.lists.load()
    return trust


async def _main(path: Path, folder: Path, now: datetime) -> None:
    store = await SqliteStore.open(path)
    trust = await opened(store, (folder / "anchor.der").read_bytes(), now)
    assert trust.lists is not None
    held = trust.status().tsl.sequence_number or 0
    for document in sorted(folder.glob("*.xml")):
        if int(document.stem) > held:
            print(document.stem, flush=True)
            sys.stdin.readline()
            await trust.lists.import_tsl(document.read_bytes())
    print("end", flush=True)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3])))
