"""Roles of administrators (gemSpec_Kon V5.18 TIP1-A_4810; gemF_Highspeed-Konnektor TIP1-A_4820-02, A_23258).

The two planes exclude each other: an account of the base plane is none of any instance, and the other way round.
"""

import enum


@enum.unique
class Role(enum.StrEnum):
    """The value is the specification's name."""

    LOKAL = "Lokaler-Administrator"
    REMOTE = "Remote-Administrator"
    SUPER = "Super-Administrator"
    BASIS = "Basis-Administrator"
