"""All error codes we can put on the wire, by number (konnektor_soap digest §30; tables in `codes_*.py`)."""

from collections.abc import Mapping
from types import MappingProxyType

from tiaas.konnektor.codes_konnektor import KONNEKTOR_CODES
from tiaas.konnektor.codes_pki import PKI_CODES
from tiaas.konnektor.codes_vsdm import FACHDIENST_CODES, FM_VSDM_CODES, SHARED_CODES
from tiaas.konnektor.codetypes import Code, CompType, ErrorType, Severity

__all__ = ["ALL_CODES", "CODES", "Code", "CompType", "ErrorType", "Severity"]

ALL_CODES: tuple[Code, ...] = (*SHARED_CODES, *FM_VSDM_CODES, *FACHDIENST_CODES, *PKI_CODES, *KONNEKTOR_CODES)

CODES: Mapping[int, Code] = MappingProxyType({code.number: code for code in ALL_CODES})
"""By number; a number stands in one table only."""
