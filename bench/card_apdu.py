"""APDU/s of a virtual card, in one thread: READ BINARY, VERIFY, and PSO COMPUTE DIGITAL SIGNATURE against bare OpenSSL.

    python bench/card_apdu.py [--seconds S] [--rounds N]

The signature's limit is what `cryptography` signs with the same key and nothing around it; the ratio says what the
card costs on top. Medians over rounds that alternate between the measured things.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402

from tests.cardbench import PIN, block, desk, load  # noqa: E402
from tiaas.card import commands  # noqa: E402
from tiaas.card.objsys import addresses, egk  # noqa: E402
from tiaas.card.objsys.model import CardKind  # noqa: E402

_BATCH = 50


def _rate(action: Callable[[], object], seconds: float) -> float:
    done = 0
    started = perf_counter()
    while (elapsed := perf_counter() - started) < seconds:
        for _ in range(_BATCH):
            action()
        done += _BATCH
    return done / elapsed


def _actions() -> dict[str, Callable[[], object]]:
    health = desk(CardKind.EGK)
    health.image.files["MF/DF.HCA/EF.PD"] = bytes(401)
    health.ok(commands.select_aid(egk.AID_HCA))
    read = commands.read_binary(sfid=egk.SFID_PD).encode()
    verify = commands.verify(egk.PIN_CH, block(PIN)).encode()
    institution = desk(CardKind.SMC_B)
    institution.ok(commands.verify(1, block(PIN)))
    institution.ok(commands.select_aid(addresses.AID_ESIGN))
    institution.ok(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA))
    sign = commands.pso_compute_signature(bytes(32)).encode()
    key = load(institution.image, "MF/DF.ESIGN/PrK.HCI.AUT.E256")
    algorithm = ec.ECDSA(Prehashed(SHA256()))
    return {
        "READ BINARY, 401 octets": lambda: health.card.process(read),
        "VERIFY": lambda: health.card.process(verify),
        "PSO COMPUTE DIGITAL SIGNATURE": lambda: institution.card.process(sign),
        "OpenSSL ECDSA alone": lambda: key.sign(bytes(32), algorithm),
    }


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    actions = _actions()
    rates: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(arguments.rounds):
        for name, action in actions.items():
            rates[name].append(_rate(action, arguments.seconds))
    for name, measured in rates.items():
        print(f"{name:32} {median(measured):10,.0f} /s   (min {min(measured):,.0f}, max {max(measured):,.0f})")
    card, bare = rates["PSO COMPUTE DIGITAL SIGNATURE"], rates["OpenSSL ECDSA alone"]
    print(f"{'signature: card / OpenSSL':32} {median(card) / median(bare):10.2f}")


if __name__ == "__main__":
    main()
