"""Files that a Konnektor converts, one after the other: one that fails does not keep the others, and each is told."""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.cli import documentfiles
from tiaas.cli.exitcodes import ExitCode, exit_code, worst
from tiaas.cli.konnektorargs import with_konnektor
from tiaas.cli.outputfiles import NotWritten, beside_results
from tiaas.cli.writer import note, out_json, out_table
from tiaas.client import ClientError, Converted, Konnektor, KonnektorFault

Convert = Callable[[Path], Awaitable[Converted]]
_INTERRUPTED = "interrupted"


def convert_each(
    args: argparse.Namespace, targets: Sequence[Path], begin: Callable[[Konnektor], Awaitable[Convert]]
) -> ExitCode:
    """Writes what becomes of `args.files` to `targets`; `begin` says how a file is converted.

    A single file that fails raises. Of several it is named and the others are done, unless no answer comes any more;
    the exit code is the worst.
    """
    files = _Files(dict(zip(args.files, targets, strict=True)), force=args.force)

    async def work(konnektor: Konnektor) -> None:
        await files.run(await begin(konnektor))

    try:
        with_konnektor(args, work)
    except KeyboardInterrupt:
        if len(targets) > 1:
            files.tell(as_json=args.json)
        raise
    return files.tell(as_json=args.json)


class _Files:
    """Where results go, and what became of each file."""

    def __init__(self, targets: dict[Path, Path], *, force: bool) -> None:
        self._targets = targets
        self._force = force
        self._done: list[Path] = []
        self._failed: dict[Path, TiaasError] = {}
        self._ended_by = _INTERRUPTED

    async def run(self, convert: Convert) -> None:
        for number, (source, target) in enumerate(self._targets.items(), 1):
            try:
                with documentfiles.named(str(source)):
                    found = await convert(source)
                documentfiles.write_result(target, found.content, force=self._force)
            except (ClientError, InvalidInput, NotWritten) as error:
                if len(self._targets) == 1:
                    raise
                note(f"tiaas: {number} of {len(self._targets)}: {error}")
                self._failed[source] = error
                if isinstance(error, ClientError) and not isinstance(error, KonnektorFault):
                    self._ended_by = str(error)
                    return
                continue
            self._done.append(source)
            for entry in found.warning:
                note(f"{source}: warning {entry.code}: {entry.text}")
            if len(self._targets) > 1:
                note(f"tiaas: {target}")

    def tell(self, *, as_json: bool) -> ExitCode:
        """Prints which file became which, and which none."""
        rows = [(str(source), str(self._targets[source])) for source in self._done]
        left = [source for source in self._targets if source not in self._done]
        with beside_results(self._targets.values()):
            if as_json:
                lost = [{"file": str(each), "error": str(self._failed.get(each, self._ended_by))} for each in left]
                out_json([*({"file": source, "output": target} for source, target in rows), *lost])
            elif rows:
                out_table(("FILE", "OUTPUT"), rows)
        if left:
            done = f"{len(rows)} of {len(self._targets)} files have their result"
            note(f"tiaas: {done}; without: {documentfiles.listed(left)}")
        return worst([ExitCode.OK, *map(exit_code, self._failed.values())])
