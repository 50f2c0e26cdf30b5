"""Numbers of the German health system and their check digits, for invented people and institutions.

KVNR: unchangeable part of the Krankenversichertennummer (§ 290 SGB V). IK: Institutionskennzeichen (ARGE·IK).
ICCSN: number of a card (DIN EN 1867; gemSpec_Karten_Fach_TIP): 80 276, 5 digits issuer, 10 digits of the issuer.
"""

import re

_KVNR = re.compile(r"[A-Z][0-9]{9}")
_IK = re.compile(r"[0-9]{9}")
_ISSUER = "99990"
_HEALTH_GERMANY = "80276"


def kvnr_check_digit(nine: str) -> int:
    """The tenth place of a KVNR for its first nine (letter and 8 digits).

    The letter becomes two digits (A 01 … Z 26), the ten digits are weighted 1, 2, 1, 2 …, digit sums of the products
    are added, modulo 10.
    """
    if not re.fullmatch(r"[A-Z][0-9]{8}", nine):
        raise ValueError("a letter and eight digits are needed")
    digits = f"{ord(nine[0]) - ord('A') + 1:02d}{nine[1:]}"
    return _alternating(digits, first_weight=1) % 10


def check_kvnr(kvnr: str) -> str:
    """Returns `kvnr` if its form and check digit are right; raises ValueError."""
    if not _KVNR.fullmatch(kvnr):
        raise ValueError("a KVNR is a letter and nine digits")
    if int(kvnr[-1]) != kvnr_check_digit(kvnr[:-1]):
        raise ValueError("the check digit of a KVNR is wrong")
    if re.search(r"(\d)\1{3}", kvnr[1:9]):
        raise ValueError("a KVNR has not more than three equal digits in a row")
    return kvnr


def ik_check_digit(eight: str) -> int:
    """The ninth digit of an IK for its first eight: places 3 to 8 weighted 2, 1, 2, 1 …, digit sums, modulo 10."""
    return _alternating(eight[2:8], first_weight=2) % 10


def check_ik(ik: str) -> str:
    """Returns `ik` if its form and check digit are right; raises ValueError."""
    if not _IK.fullmatch(ik):
        raise ValueError("an IK has nine digits")
    if int(ik[-1]) != ik_check_digit(ik[:-1]):
        raise ValueError("the check digit of an IK is wrong")
    return ik


def lab_iccsn(kind: int, edition: int, number: int) -> str:
    """The ICCSN (20 digits) of a lab card: `kind` one digit, `edition` two (0 the first card), `number` seven."""
    if not (0 <= kind <= 9 and 0 <= edition <= 99 and 0 <= number <= 9_999_999):
        raise ValueError("no ICCSN for these numbers")
    return f"{_HEALTH_GERMANY}{_ISSUER}{kind}{edition:02d}{number:07d}"


def _alternating(digits: str, first_weight: int) -> int:
    total = 0
    for place, digit in enumerate(digits):
        weight = first_weight if place % 2 == 0 else 3 - first_weight
        total += sum(divmod(int(digit) * weight, 10))
    return total
