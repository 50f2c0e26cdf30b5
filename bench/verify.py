"""Verification of signatures without any server, beside the public-key operations in it.

    python bench/verify.py [--seconds S] [--rounds N]

The OCSP response comes with the signature. Warm: certificate and OCSP response read, their signatures proven (one
operation: document). Cold: nothing known (three). CPU time of the process; rounds alternate, medians.
`python -m bench.signing_service` has both through the server, too.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import process_time

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402

from tests.unit.konnektor_trust.test_signer_check import answer  # noqa: E402
from tests.unit.pki.ocspmaker import NOW  # noqa: E402
from tests.unit.verification.signatures import SIGNED, SMCB, URL, Signer, signer  # noqa: E402
from tiaas.ades.found import SignatureFormat  # noqa: E402
from tiaas.base.clock import ManualClock  # noqa: E402
from tiaas.base.entropy import SystemEntropy  # noqa: E402
from tiaas.konnektor.config import TiAccess  # noqa: E402
from tiaas.konnektor.network import Network  # noqa: E402
from tiaas.konnektor.ocsp import OcspClient  # noqa: E402
from tiaas.konnektor.publickeys import PublicKeys  # noqa: E402
from tiaas.konnektor.trust import Issuer, TrustSpace  # noqa: E402
from tiaas.konnektor.trustservice import Trust  # noqa: E402
from tiaas.konnektor.trustsource import FixedTrust  # noqa: E402
from tiaas.konnektor.verdict import Result  # noqa: E402
from tiaas.konnektor.verification.reading import Material  # noqa: E402
from tiaas.konnektor.verification.verifying import Rules, verify  # noqa: E402
from tiaas.konnektor.web import WebClient  # noqa: E402

DOCUMENT = b"<Rezept>" + bytes(5000).replace(b"\0", b" ") + b"</Rezept>"
Action = Callable[[], Awaitable[object]]


def _trust() -> Trust:
    """One that knows nothing yet, and nobody to ask."""
    clock, web = ManualClock(NOW), WebClient(Network())
    space = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
    return Trust(FixedTrust(space), OcspClient(TiAccess(online=False), web, clock, SystemEntropy()), web, clock)


def _actions(by: Signer) -> dict[str, tuple[int, Action]]:
    key = by.holder.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    value, public, algorithm = key.sign(DOCUMENT, ec.ECDSA(SHA256())), key.public_key(), ec.ECDSA(SHA256())
    warm = _trust()

    async def raw() -> None:
        public.verify(value, DOCUMENT, algorithm)

    async def verified(material: Material, trust: Trust) -> None:
        found = await verify(material, Rules(), trust, PublicKeys(), NOW)
        assert found.result is Result.VALID

    actions: dict[str, tuple[int, Action]] = {"public key alone": (1, raw)}
    ocsp = answer(by.certificate, SIGNED, world=SMCB)
    signed = Material(SignatureFormat.CADES, None, by.cades(DOCUMENT, ocsp=ocsp))
    actions["warm"] = (1, lambda: verified(signed, warm))
    actions["cold"] = (3, lambda: verified(signed, _trust()))
    return actions


async def _cost(action: Action, seconds: float) -> float:
    done, started = 0, process_time()
    while (spent := process_time() - started) < seconds:
        await action()
        done += 1
    return spent / done


async def _measure(seconds: float, rounds: int) -> None:
    actions = _actions(signer())
    costs: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, (_, action) in actions.items():
            costs[name].append(await _cost(action, seconds))
    one = median(costs["public key alone"])
    for name, (operations, _) in actions.items():
        cost = median(costs[name])
        print(f"{name:20}{cost * 1e6:8.0f} µs   {operations} operation(s)   ratio {operations * one / cost:.2f}")


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(_measure(arguments.seconds, arguments.rounds))


if __name__ == "__main__":
    main()
