"""Fuzz target: the rules of a packet filter; whatever is taken ends where it began, inside its table."""

from contextlib import suppress

from tiaas.konnektor.packetrules import BadListing, BadRules, decode_rules_untrusted, read_listing_untrusted

_GOOD = b"""# rules
set bad { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }
}
chain input { type filter hook input priority 0; policy accept
  ip saddr @bad drop comment "why: [not]"
  tcp dport { 7, 9100 } counter drop
}
"""
SEEDS: list[bytes] = [
    _GOOD,
    _GOOD + b"define X = { 1, 2 }\n",
    _GOOD + b'}\ninclude "/etc/passwd"\n',
    b"table inet tiaas_x { # handle 17\n}\n",
]


def target(data: bytes) -> None:
    """Only `BadRules` and `BadListing` may escape; what is taken has no comment, no include and every block whole."""
    with suppress(BadListing):
        read_listing_untrusted(data, "tiaas_x")
    with suppress(BadRules):
        taken = decode_rules_untrusted(data)
        depth = 0
        for char in taken:
            depth += (char == "{") - (char == "}")
            assert depth >= 0, taken
        assert depth == 0, taken
        assert not {"#", "\\", "\0"} & set(taken), taken
        assert "include" not in taken.lower(), taken
        assert all(line.count('"') % 2 == 0 for line in taken.split("\n")), taken
