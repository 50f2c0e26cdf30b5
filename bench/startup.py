"""How long `tiaas up` takes until `ready.json` is there, against what the bare interpreter and its imports take.

    python -m bench.startup [--rounds 7]

In each round, in this order: the interpreter alone; the interpreter with everything that `up` imports; a start in a new
folder; a start in the same folder after an orderly stop; a start after `kill -9`; a start by the pytest plugin, as the
first test that wants a Konnektor waits for it. Processes are whole and real; figures are medians with the extremes
behind. The last line is the computing time of such a start, which says more than its duration on a busy machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.integration.lab.labprocess import LabProcess
from tiaas.cli.pytest_plugin import LabProcess as PluginLab

# As `up` imports them: the collector rests.
_IMPORTS = "import gc; gc.disable(); import tiaas.cli.entry, tiaas.cli.up, tiaas.cli.upserving"


def _run(code: str) -> float:
    begun = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    return perf_counter() - begun


def _round(folder: Path) -> dict[str, float]:
    seen = {"interpreter": _run("pass"), "interpreter and imports": _run(_IMPORTS)}
    with LabProcess(folder) as lab:
        seen["new folder"] = lab.started_in
        lab.stop()
    with LabProcess(folder) as lab:
        seen["existing folder"] = lab.started_in
        lab.kill()
    with LabProcess(folder) as lab:
        seen["after kill -9"] = lab.started_in
        lab.stop()
    used = os.times()
    (folder.parent / f"{folder.name}-plugin").mkdir()
    plugin = PluginLab(folder.parent / f"{folder.name}-plugin", [])
    seen["pytest plugin"] = plugin.started_in
    plugin.stop()
    after = os.times()
    seen["… and its stop, computing"] = (
        after.children_user - used.children_user + after.children_system - used.children_system
    )
    return seen


def main() -> None:
    """See module."""
    parser = argparse.ArgumentParser(description="How long `tiaas up` takes until ready.json is there.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="tiaas-bench-") as place:
        seen = [_round(Path(place) / f"lab-{number}") for number in range(rounds)]
    bare = median(each["interpreter and imports"] for each in seen)
    for name in seen[0]:
        seconds = sorted(each[name] for each in seen)
        middle = median(seconds)
        print(f"{name:27} {middle:6.2f} s   ({seconds[0]:.2f} … {seconds[-1]:.2f})   {middle / bare:4.1f} × imports")


if __name__ == "__main__":
    main()
