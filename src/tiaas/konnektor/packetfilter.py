"""The packet filter of a box, profile einbox: rules of the administrator, in a table of ours of the kernel's nftables.

TUC_KON_304 to 306 load the firewall's rules anew whenever an adapter or a route changes, TIP1-A_4762 whenever the
administrator has changed his. Here they are loaded when the instance starts, when an address or a route of its adapters
changes (`boxadapters.py`) and when the administrator says so; in the machine's own network namespace never. What
keeps them from being in force is 4164 in the log and EC_Firewall_Not_Reliable: no nft, no permission, rules that are
refused, a table that is not as it was loaded any more. The rules before stay in force until others take their place.
"""

import asyncio
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from tiaas.konnektor.errors import KonnektorError, LoggedError
from tiaas.konnektor.nft import Nft, NftError, NftTimeout
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.ownnetwork import PROC, why_not_own
from tiaas.konnektor.packetrules import (
    RULES_OCTETS,
    BadListing,
    BadRules,
    Standing,
    decode_rules_untrusted,
    read_listing_untrusted,
    script,
)
from tiaas.konnektor.protocol import Level, LogType, ProtocolService

_log = logging.getLogger("tiaas.konnektor.packetfilter")

SECONDS = 1.0
"""How often the table is looked at (TAB_KON_503: detected within a second)."""
FAILED = 4164
_NOT_LOADED = "the rules have not been loaded yet"
_UNREADABLE = "the file with the rules cannot be read"
_CHANGED = "the table is not as it was loaded any more"
_GONE = "the table cannot be read any more"


class PacketFilter:
    """The filter of one instance, made once per process: it outlasts a restart of the instance.

    `rules` is the administrator's file, `table` the name of the table (see `packetrules.script`). It is in force
    between `open` and `close`, but not before `use` has been called once: whoever sets the instance up first needs one
    that may be managed.
    """

    def __init__(self, rules: Path, table: str, nft: Nft | None = None, proc: Path = PROC) -> None:
        self.rules = rules
        self.table = table
        self.reason = _NOT_LOADED
        """Why the rules are not in force, empty if they are."""
        self._nft = nft or Nft()
        self._proc = proc
        self._is_in_use = False
        self._is_failed = True
        self._standing: Standing | None = None
        self._may_stand = False
        """Whether nft was ended while it loaded: nobody knows which table stands."""
        self._opstate: OperatingState | None = None
        self._protocol: ProtocolService | None = None
        self._lock = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def open(self, opstate: OperatingState, protocol: ProtocolService) -> None:
        """An instance starts; these are its states and its logs. Loads the rules if they are in use."""
        self._opstate, self._protocol = opstate, protocol
        if self._is_in_use:
            await self.use()

    async def use(self) -> None:
        """Loads the rules now and at each further start; `reason` says whether they are in force."""
        self._is_in_use = True
        with suppress(KonnektorError):
            await self.load()

    async def load(self) -> None:
        """Puts the rules that the file has now in the place of those before. Raises `KonnektorError` 4164."""
        async with self._lock:
            try:
                self._standing = await self._loaded()
            except (BadRules, BadListing, NftError, OSError) as error:
                self._is_failed = True
                self._may_stand |= isinstance(error, NftTimeout)
                self._fail(str(error) if not isinstance(error, OSError) else _UNREADABLE)
                raise KonnektorError(FAILED) from error
            self._is_failed = self._may_stand = False
            self._stand("packet filter started")
        if self._watch is None:
            self._watch = asyncio.create_task(self._run())

    async def follow(self) -> None:
        """Adapters or routes have changed (TUC_KON_304, step 3): loads the rules again if they are in use."""
        if self._watch is not None:
            await self.use()

    async def look(self) -> None:
        """Whether the table stands as it was loaded. A load that failed is mended by another one only."""
        async with self._lock:
            if self._is_failed:
                return
            reason = await self._found()
            if reason and reason != self.reason:
                self._fail(reason)
            elif not reason and self.reason:
                self._stand("packet filter found again")

    async def close(self) -> None:
        """The instance stops; so does its filter, unless somebody else has put his own in its place."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        async with self._lock:
            if self._may_stand:
                with suppress(NftError, BadListing):
                    self._standing = await self._listed()
            self._may_stand = False
            standing, self._standing, self._is_failed, self.reason = self._standing, None, True, _NOT_LOADED
            if standing is None:
                return
            try:
                # By its handle: another process may have a table of that name by now.
                await self._nft.run("delete", "table", "inet", "handle", str(standing.handle))
            except NftError as error:
                self._write("packet filter not removed", ("Reason", str(error)))
            else:
                self._write("packet filter stopped")

    async def _loaded(self) -> Standing:
        """Raises `NftError`, `BadRules`, `BadListing`, `OSError`."""
        why = await asyncio.to_thread(why_not_own, self._proc)
        if why:
            raise NftError(why)
        content = await asyncio.to_thread(_read, self.rules)
        await self._nft.run("-f", "-", text=script(self.table, decode_rules_untrusted(content)))
        try:
            return await self._listed()
        except (NftError, BadListing):
            # Nobody could watch it, and nobody would take it away at the stop.
            self._standing = None
            with suppress(NftError):
                await self._nft.run("delete", "table", "inet", self.table)
            raise

    async def _listed(self) -> Standing:
        listing = await self._nft.run("--handle", "--numeric", "--stateless", "list", "table", "inet", self.table)
        return read_listing_untrusted(listing, self.table)

    async def _found(self) -> str:
        try:
            return "" if await self._listed() == self._standing else _CHANGED
        except (NftError, BadListing) as error:
            return f"{_GONE}: {error}"

    def _stand(self, text: str) -> None:
        self.reason = ""
        self._write(text)
        self._tell()

    def _fail(self, reason: str) -> None:
        self.reason = reason
        if self._protocol is not None:
            evidence = (("Target", self.table), ("Reason", reason))
            self._protocol.write_error(LoggedError(KonnektorError(FAILED), "", "", evidence))
        self._tell()

    def _tell(self) -> None:
        if self._opstate is not None:
            self._opstate.set(Condition.FIREWALL_NOT_RELIABLE, bool(self.reason))

    def _write(self, text: str, *more: tuple[str, str]) -> None:
        """TIP1-A_4750: start, stop and each change."""
        if self._protocol is not None:
            parameters = (("Target", self.table), *more)
            self._protocol.write(LogType.OPERATION, Level.WARNING, text=text, parameters=parameters)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a defect met once must not end the looking
                _log.error("packet filter not looked at", extra={"kind": type(error).__name__})


def _read(path: Path) -> bytes:
    """The file, at most one octet more than rules may have. Raises `OSError`."""
    # Without waiting: a pipe has nobody at its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(RULES_OCTETS + 1)
