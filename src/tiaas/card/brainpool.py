"""Points of brainpoolP256r1 (RFC 5639, 3.4), for what OpenSSL does not offer: adding points, multiples of any point.

Needed by PACE's generic mapping only. Python's integers do not run in constant time: who measures a process very
closely could learn an ephemeral factor, which serves a single key agreement; long-lived keys never come here.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

PRIME: Final = 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
ORDER: Final = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
_A: Final = 0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9

Point = tuple[int, int]


class NoPoint(ArithmeticError):
    """The result is the point at infinity, which has no coordinates."""


def coordinates(key: ec.EllipticCurvePublicKey) -> Point:
    """The affine coordinates of a key's point."""
    numbers = key.public_numbers()
    return numbers.x, numbers.y


def to_key(point: Point) -> ec.EllipticCurvePublicKey:
    """The key with that point. Raises `ValueError` if it does not lie on the curve."""
    return ec.EllipticCurvePublicNumbers(*point, ec.BrainpoolP256R1()).public_key()


def add(one: Point, other: Point) -> Point:
    """The sum of two points. Raises `NoPoint`."""
    if one[0] == other[0]:
        if one[1] != other[1] or one[1] == 0:
            raise NoPoint
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, PRIME)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, PRIME)
    x = (slope * slope - one[0] - other[0]) % PRIME
    return x, (slope * (one[0] - x) - one[1]) % PRIME


def multiply(factor: int, point: Point) -> Point:
    """`factor` times the point. Raises `NoPoint` for a multiple of the group's order."""
    total: _Jacobian = (1, 1, 0)
    for bit in bin(factor % ORDER)[2:]:
        total = _double(total)
        if bit == "1":
            total = _add_affine(total, point)
    x, y, z = total
    if z == 0:
        raise NoPoint
    inverse = pow(z, -1, PRIME)
    square = inverse * inverse % PRIME
    return x * square % PRIME, y * square * inverse % PRIME


# x/z², y/z³: one inversion for a whole multiplication (Hankerson, Menezes, Vanstone: Guide to ECC, 3.2.2).
_Jacobian = tuple[int, int, int]


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    square = y * y % PRIME
    s = 4 * x * square % PRIME
    m = (3 * x * x + _A * pow(z, 4, PRIME)) % PRIME
    x3 = (m * m - 2 * s) % PRIME
    return x3, (m * (s - x3) - 8 * square * square) % PRIME, 2 * y * z % PRIME


def _add_affine(one: _Jacobian, other: Point) -> _Jacobian:
    x, y, z = one
    if z == 0:
        return *other, 1
    square = z * z % PRIME
    h = (other[0] * square - x) % PRIME
    r = (other[1] * square * z - y) % PRIME
    if h == 0:
        return _double(one) if r == 0 else (1, 1, 0)
    h2 = h * h % PRIME
    h3 = h2 * h % PRIME
    v = x * h2 % PRIME
    x3 = (r * r - h3 - 2 * v) % PRIME
    return x3, (r * (v - x3) - y * h3) % PRIME, h * z % PRIME
