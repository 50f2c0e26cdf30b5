"""SOAP codec: messages per second, with a bare lxml parse of the same octets as the limit.

    python -m bench.soap_codec [--seconds 2]

`decode` is what a server does with a GetCards request (envelope, limits, schema rules, typed object), `encode` what it
does with a GetCardsResponse of six cards; `ratio` is the bare parse's time divided by ours.
"""

import argparse
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from statistics import median
from time import perf_counter

from lxml import etree

from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card, Cards, CardVersion, VersionInfo
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import GetCards, GetCardsResponse
from tiaas.soap.envelope import Limits, parse_envelope_untrusted, write_envelope
from tiaas.soap.mapping import decode

_LIMITS = Limits()
_G2_1 = VersionInfo(major=4, minor=4, revision=1)


def _request() -> GetCards:
    context = Context(mandant_id="Mandant-1", client_system_id="PVS-1", workplace_id="Tresen", user_id="")
    return GetCards(context=context, card_type=CardType.EGK, mandant_wide=True)


def _card(number: int) -> Card:
    return Card(
        card_handle=f"EGK-{number:032d}",
        card_type=CardType.EGK,
        card_version=CardVersion(
            cos_version=_G2_1,
            object_system_version=_G2_1,
            atr_version=_G2_1,
            gdo_version=_G2_1,
            key_info_version=_G2_1,
            logging_version=_G2_1,
        ),
        iccsn=f"{80276001011699900000 + number}",
        ct_id="00-1B-8F-00-00-01",
        slot_id=number,
        insert_time=datetime(2025, 1, 31, 10, 0, 0, 123000, timezone(timedelta(hours=1))),
        card_holder_name="Dr. Erika Mustermann-Größe",
        kvnr="X110411319",
        certificate_expiration_date=date(2029, 12, 31),
    )


def _rate(job: Callable[[], object], seconds: float) -> float:
    """Runs per second: the median of five slices."""
    rates = []
    for _ in range(5):
        count, start = 0, perf_counter()
        while (spent := perf_counter() - start) < seconds / 5:
            for _ in range(100):
                job()
            count += 100
        rates.append(count / spent)
    return median(rates)


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    seconds = parser.parse_args().seconds
    request = write_envelope(_request())
    answer = GetCardsResponse(status=OK, cards=Cards(card=tuple(_card(number) for number in range(1, 7))))
    written = write_envelope(answer)
    bare_request = _rate(lambda: etree.fromstring(request), seconds)
    bare_answer = _rate(lambda: etree.fromstring(written), seconds)
    rows = [
        ("decode GetCards", len(request), _rate(lambda: _decode(GetCards, request), seconds), bare_request),
        ("encode GetCardsResponse", len(written), _rate(lambda: write_envelope(answer), seconds), bare_answer),
        (
            "decode GetCardsResponse",
            len(written),
            _rate(lambda: _decode(GetCardsResponse, written), seconds),
            bare_answer,
        ),
    ]
    print(f"{'what':26}{'octets':>8}{'per second':>12}{'bare parse':>12}{'ratio':>7}")
    for name, size, rate, bare in rows:
        print(f"{name:26}{size:>8}{rate:>12.0f}{bare:>12.0f}{rate / bare:>7.2f}")


def _decode(cls: type[object], document: bytes) -> object:
    return decode(cls, parse_envelope_untrusted(document, _LIMITS))


if __name__ == "__main__":
    main()
