"""Fuzz target: signed scenarios of a PoPP service, from the compact JWS to the steps."""

from base64 import urlsafe_b64encode

from tiaas.card.scenario import BadScenario, decode_scenario_untrusted, encode_scenario
from tiaas.pki.jws import BadJws, decode_jws_untrusted, read_object_untrusted

_PAYLOAD = (
    b'{"message":{"type":"StandardScenario","version":"1.0.0","clientSessionId":"c9","sequenceCounter":0,'
    b'"timeSpan":10000,"steps":[{"commandApdu":"00 a4 040c  07 D2760001448000","expectedStatusWords":["9000"]}]}}'
)


def _part(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")


SEEDS: list[bytes] = [
    _PAYLOAD,
    b".".join((_part(b'{"alg":"ES256","typ":"JWT","x5c":["MAA="]}'), _part(_PAYLOAD), _part(bytes(64)))),
    b".".join((_part(b'{"alg":"ES256","x5c":"MAA="}'), _part(b"{}"), _part(bytes(64)))),
]


def target(data: bytes) -> None:
    """Only `BadJws` and `BadScenario` may escape; what was read can be written and read again."""
    try:
        payload = decode_jws_untrusted(data.decode("latin-1")).payload
    except BadJws:
        payload = data
    try:
        scenario = decode_scenario_untrusted(read_object_untrusted(payload))
    except (BadJws, BadScenario):
        return
    claims = encode_scenario(scenario.session_id, scenario.counter, scenario.time_span, scenario.steps)
    assert decode_scenario_untrusted(claims) == scenario
