"""A card as the messages of CardService 8.1 tell it (TUC_KON_252; EventService, CardTerminalService)."""

from tiaas.base.latepattern import late_pattern
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireCardType
from tiaas.interfaces.card_service_v8_1 import Card as WireCard
from tiaas.interfaces.card_service_v8_1 import CardVersion, VersionInfo
from tiaas.konnektor.cards import Card, CardVersions, Version

_NOT_XML = late_pattern("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def wire_card(card: Card) -> WireCard:
    """A card as EventService tells it; what the type does not have or what was not read is left out."""
    data = card.data
    return WireCard(
        card_handle=card.handle,
        card_type=WireCardType(card.card_type.value),
        card_version=None if data.versions is None else _card_version(data.versions),
        iccsn=data.iccsn,
        ct_id=card.ct_id,
        slot_id=card.slot,
        insert_time=card.insert_time.astimezone(),
        card_holder_name=None if data.holder_name is None else fitting_text(data.holder_name),
        kvnr=data.kvnr,
        certificate_expiration_date=data.certificate_expiration,
    )


def _card_version(versions: CardVersions) -> CardVersion:
    return CardVersion(
        cos_version=_version(versions.cos),
        object_system_version=_version(versions.object_system),
        logging_version=_optional(versions.logging),
        atr_version=_optional(versions.atr),
        gdo_version=_optional(versions.gdo),
        key_info_version=_optional(versions.key_info),
    )


def _version(version: Version) -> VersionInfo:
    return VersionInfo(major=version.major, minor=version.minor, revision=version.revision)


def _optional(version: Version | None) -> VersionInfo | None:
    return None if version is None else _version(version)


def fitting_text(text: str) -> str:
    """A text for XML: control characters and what else XML 1.0 does not know become blanks, 256 characters at most."""
    return _NOT_XML.sub(" ", text)[:256]
