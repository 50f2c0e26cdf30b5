"""Error codes around VSDM and those that all components share: code, ErrorType, Severity, official ErrorText.

Sources, per table below. The shared codes (1 to 114) are defined in gemSpec_OM; their texts are taken from gemILF_PS
V2.17.0, which gives neither type nor severity: Technical and Error stand for them until gemSpec_OM is at hand.
"""

from tiaas.konnektor.codetypes import Code, CompType, ErrorType, Severity

T = ErrorType.TECHNICAL
S = ErrorType.SECURITY
E = Severity.ERROR
F = Severity.FATAL

_ILF = "gemILF_PS V2.17.0 6.2.1"
_PS = "gemSpec_SST_PS_VSDM V1.5.0"
_TRANSPORT = "gemSpec_SST_VSDM V2.5.0"
_FD = "gemSpec_SST_FD_VSDM V1.6.0"

SHARED_CODES: tuple[Code, ...] = (
    Code(1, T, E, "Verbindung abgelaufen", _ILF),
    Code(2, T, E, "Verbindung zurückgewiesen", _ILF),
    Code(3, T, E, "Nachrichtenschema fehlerhaft", _ILF),
    Code(4, T, E, "Version Nachrichtenschema fehlerhaft", _ILF),
    Code(6, T, E, "Protokollfehler", _ILF),
    Code(101, T, E, "Kartenfehler", _ILF),
    Code(102, T, E, "Gerätefehler", _ILF),
    Code(103, T, E, "Softwarefehler", _ILF),
    Code(104, T, E, "Fachmodul reagiert nicht", _ILF),
    Code(105, T, E, "eGK nicht lesbar", _ILF),
    Code(106, T, E, "Zertifikat auf eGK ungültig", _ILF),
    Code(107, T, E, "Zertifikat auf eGK ungültig", _ILF),
    Code(108, T, E, "Protokollierung auf eGK nicht möglich.", _ILF),
    Code(109, T, E, "Fehler beim Lesen von Daten der SM-B/HBA", _ILF),
    Code(110, T, E, "Fehler beim Verarbeiten von Befehlen auf der eGK", _ILF),
    Code(111, T, E, "Fehler beim Lesen von Daten der eGK", _ILF),
    Code(112, T, E, "Fehler beim Schreiben von Daten der eGK", _ILF),
    Code(113, T, E, "Leseversuch von veralteter eGK", _ILF),
    Code(114, T, E, "Gesundheitsanwendung auf eGK gesperrt", _ILF),
)
"""The Fachmodul that reports one of them names itself as CompType."""

FM_VSDM_CODES: tuple[Code, ...] = (
    Code(3001, T, E, "VSD nicht konsistent", _PS, CompType.FM_VSDM),
    Code(3011, T, E, "Verarbeiten der Versichertendaten gescheitert", _PS, CompType.FM_VSDM),
    Code(3020, T, E, "Lesen KVK gescheitert", _PS, CompType.FM_VSDM),
    Code(3021, T, E, "KVK-Prüfsumme falsch, Daten korrupt", _PS, CompType.FM_VSDM),
    Code(3039, T, E, "Prüfungsnachweis nicht entschlüsselbar", _PS, CompType.FM_VSDM),
    Code(3040, T, E, "Es ist kein Prüfungsnachweis auf der eGK vorhanden", _PS, CompType.FM_VSDM),
    Code(3041, T, E, "SM-B nicht freigeschaltet", _PS, CompType.FM_VSDM),
    Code(3042, T, E, "HBA nicht freigeschaltet", _PS, CompType.FM_VSDM),
)

_SESSION_ENDED = "Die zu dieser ConversationID zugehörige Fachdienst-Session ist abgelaufen."
_WRONG_SERVICE = (
    "Nachricht zurückgewiesen. "
    "Die Nachricht wurde an einen für diese Anfrage nicht zuständigen Fachdienst weitergeleitet."
)
_UNSPECIFIED = (
    "Ein nicht spezifizierter Fehler ist aufgetreten, zu dem weitere Details im Dienst protokolliert worden sind."
)
_AUTHENTICATION = (
    "Die Authentifizierung zwischen Fachdienst und eGK mittels des fachdienstspezifischen, "
    "kartenindividuellen symmetrischen Schlüssels ist fehlgeschlagen."
)
_WRONG_UFS = "Für die eGK mit der angegebenen ICCSN ist der aufgerufene Dienst nicht zuständig."
_PRECONDITION = "Für das angefragte Update ist die Durchführung eines anderen Updates eine Vorbedingung."
_NO_UPDATE = "Für die angegebene Kombination aus ICCSN und Update-Identifier liegt kein Update vor."
_PAYLOAD = "Die Payload ist nicht konform zum XML-Schema."

FACHDIENST_CODES: tuple[Code, ...] = (
    Code(5, T, F, _SESSION_ENDED, _TRANSPORT, CompType.CCS),
    Code(500, T, F, "Internal Server Error", _TRANSPORT, CompType.UFS),
    Code(1006, S, F, _WRONG_SERVICE, _TRANSPORT, CompType.UFS),
    Code(1011, T, F, "Die aufgerufene Komponente ist temporär nicht verfügbar.", _TRANSPORT, CompType.UFS),
    Code(1014, T, F, _SESSION_ENDED, _TRANSPORT, CompType.CCS),
    Code(11101, T, F, _WRONG_UFS, _FD, CompType.UFS),
    Code(11148, T, F, _PAYLOAD, _FD, CompType.UFS),
    Code(11999, T, F, _UNSPECIFIED, _FD, CompType.UFS),
    Code(12101, T, F, _NO_UPDATE, _FD, CompType.CCS),
    Code(12102, T, F, _PRECONDITION, _FD, CompType.CCS),
    Code(12103, S, F, _AUTHENTICATION, _FD, CompType.CCS),
    Code(12105, T, F, "Die eGK ist defekt.", _FD, CompType.CCS),
    Code(12148, T, F, _PAYLOAD, _FD, CompType.CCS),
    Code(12999, T, F, _UNSPECIFIED, _FD, CompType.CCS),
)
"""500, 1006 and 1011 come from UFS and CCS alike. For 11999 and 12999 the source leaves type and severity open."""
