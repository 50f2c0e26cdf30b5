"""Codes of certificate checks that the Konnektor passes on as they are (gemSpec_PKI V2.14.1, Tab_PKI_274)."""

from tiaas.konnektor.codetypes import Code, ErrorType, Severity

PKI_CODES: tuple[Code, ...] = (
    Code(1021, ErrorType.SECURITY, Severity.ERROR, "Zertifikat ist zeitlich nicht gültig", "Tab_PKI_274"),
)
