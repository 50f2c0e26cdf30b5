"""What a signature's reader asks a public key, put to a worker in the same process."""

from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keyworker import FITS, Outcome, Use, write_request


def request_of(use: EcdsaUse) -> bytes:
    return write_request(Use.VERIFY, use.public_key, use.hashed() + use.value, use.digest)


def is_yes(answer: bytes) -> bool:
    return answer == bytes((Outcome.DONE,)) + FITS
