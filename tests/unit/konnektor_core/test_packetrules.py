"""Rules of a packet filter: what is taken, and that none of it gets out of its table."""

import pytest

from tiaas.konnektor.packetrules import (
    RULES_OCTETS,
    BadListing,
    BadRules,
    decode_rules_untrusted,
    read_listing_untrusted,
    script,
)

CHAIN = "chain input { type filter hook input priority 0; policy accept\n  tcp dport 9100 drop\n}\n"
SETS = """# {{{ a comment may hold what it likes: include, flags dormant, }
set bad {
  type ipv4_addr; flags interval
  elements = { 10.0.0.0/8, 192.0.2.1 }
}
define LAN = { 10.0.0.0/8, 172.16.0.0/12 }
chain output {
  type filter hook output priority filter; policy accept;
  ip daddr $LAN log prefix "to the LAN: " counter accept comment "nobody's: [x], !"
  ip daddr @bad drop; meta l4proto { tcp, udp } th dport { 7, 19-20 } jump other
}
chain other { }
"""
LISTING = b"table inet tiaas_x { # handle 17\n\tchain c { # handle 1\n\t}\n}\n"


def test_rules_go_into_our_table_and_keep_their_lines() -> None:
    text = script("tiaas_x", decode_rules_untrusted(f"\r\n# first\n{CHAIN}".encode())).decode()
    first, *lines = text.splitlines()
    assert first == "table inet tiaas_x; delete table inet tiaas_x; table inet tiaas_x { "
    assert lines == ["", *CHAIN.splitlines(), "", "}"]


def test_sets_definitions_and_strings_are_taken_and_comments_are_not() -> None:
    taken = decode_rules_untrusted((SETS + CHAIN).encode())
    assert "dormant" not in taken
    assert 'comment "nobody\'s: [x], !"' in taken
    assert taken.count("\n") == (SETS + CHAIN).count("\n")


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        # Out of the table.
        (CHAIN + "}\ntable inet other {\n" + CHAIN, "line 4: a block ends that has not begun"),
        (CHAIN.replace("drop", "drop; } }\nflush ruleset\ntable inet x { chain y { accept"), "a block ends"),
        (CHAIN + "chain x {\n", "a block does not end"),
        (CHAIN + "{ }\n", "line 4: a block without a name"),
        # Something else in it: a table that filters nothing, commands, objects for other programs.
        ("flags dormant\n" + CHAIN, "line 1: a table holds chain, "),
        (CHAIN.strip() + " flags dormant\n", "line 3: a table holds"),
        (CHAIN.strip() + "; flags dormant\n", "line 3: a table holds"),
        (CHAIN + "define X = 1; flags dormant\n", "line 4: a table holds"),
        (CHAIN + "flush ruleset\n", "a table holds"),
        (CHAIN + "delete table inet other\n", "a table holds|delete is for"),
        (CHAIN + "table inet x { }\n", "a table holds"),
        (CHAIN + "flowtable f { hook ingress priority 0; devices = { eth0 }; }\n", "a table holds"),
        (CHAIN + 'ct helper h { type "ftp" protocol tcp; }\n', "a table holds"),
        (CHAIN + "(chain x { }\n", "a table holds"),
        (CHAIN + '"chain" x { }\n', "a table holds"),
        # Other files, and what nft says of them.
        ('include "/etc/shadow"\n' + CHAIN, "line 1: include reads another file"),
        (CHAIN.replace("drop", 'drop\n include "/etc/shadow"'), "line 3: include"),
        (CHAIN.replace("drop", "drop\n 1include"), "line 3: include"),
        (CHAIN.replace("drop", "drop\n INCLUDE"), "line 3: include"),
        (CHAIN.replace("drop", 'drop comment "include"'), "line 2: include"),
        # What another reader may bound otherwise.
        (CHAIN.replace("drop", 'drop comment "}"'), "line 2: .* has no place"),
        (CHAIN.replace("drop", 'drop comment "# no comment"'), "line 2: .* has no place"),
        (CHAIN.replace("drop", 'drop comment "two\nlines"'), "line 2: .* has no place"),
        (CHAIN.replace("drop", 'drop comment "open'), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop \\"), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop '}'"), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop `id`"), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop \0"), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop \rx"), "line 2: .* has no place"),
        (CHAIN.replace("drop", "drop \u2028"), "line 2: .* has no place"),
        # What packets change.
        (CHAIN + "set s { type ipv4_addr; flags dynamic; }\n", "line 4: dynamic is for what packets change"),
        (CHAIN + "set s { type ipv4_addr; timeout 1h; }\n", "line 4: timeout"),
        (CHAIN.replace("drop", "add @s { ip saddr }"), "line 2: add"),
        (CHAIN.replace("drop", "meter m { ip saddr limit rate 1/second }"), "line 2: meter"),
        # Nothing that filters, or too much.
        ("", "no chain has a hook"),
        ("chain input { tcp dport 9100 drop; }\n", "no chain has a hook"),
        ("chain hook { }\n", "no chain has a hook"),
        (CHAIN.replace("drop", "{" * 9), "line 2: more than 8 blocks"),
        (CHAIN + "#" * RULES_OCTETS, "more than 65536 octets"),
    ],
)
def test_what_does_not_stay_in_its_table_is_refused(rules: str, why: str) -> None:
    with pytest.raises(BadRules, match=why):
        decode_rules_untrusted(rules.encode())


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(BadRules, match="not UTF-8"):
        decode_rules_untrusted(CHAIN.encode() + b"# \xff\n")


@pytest.mark.parametrize("table", ["filter", "tiaas_", "tiaas_X", "tiaas_x { }", "tiaas_x\n", "tiaas_" + "x" * 49])
def test_a_table_that_is_not_ours_is_no_place_for_rules(table: str) -> None:
    with pytest.raises(ValueError, match="no name of a table of ours"):
        script(table, CHAIN)


def test_a_listing_tells_the_handle_and_all_that_is_in_the_table() -> None:
    standing = read_listing_untrusted(LISTING, "tiaas_x")
    assert standing.handle == 17
    assert read_listing_untrusted(LISTING, "tiaas_x") == standing
    for other in (LISTING.replace(b"17", b"18"), LISTING.replace(b"chain c", b"chain d")):
        assert read_listing_untrusted(other, "tiaas_x") != standing


@pytest.mark.parametrize(
    "listing", [b"", LISTING[1:], LISTING.replace(b"tiaas_x", b"tiaas_y"), b"table inet tiaas_x {\n"]
)
def test_another_listing_is_refused(listing: bytes) -> None:
    with pytest.raises(BadListing):
        read_listing_untrusted(listing, "tiaas_x")
