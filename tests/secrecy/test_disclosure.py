"""Who sees what under TLP 2.0, in the words of FIRST's definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.secrecy import (
    COMMUNITY,
    PUBLIC,
    TLP,
    Marking,
    Member,
    Organisation,
    Recipient,
    may_receive,
    may_see,
    withheld,
)

CLIENT = Organisation("grid-operator", in_community=False)
OWNER = Organisation("cert", clients=frozenset({"grid-operator"}))
PEER = Organisation("bank-cert")
OUTSIDER = Organisation("supplier", in_community=False)


@pytest.mark.parametrize(
    ("level", "owner", "client", "peer", "outsider", "named"),
    [
        (TLP.CLEAR, True, True, True, True, True),
        (TLP.GREEN, True, False, True, False, True),
        (TLP.AMBER, True, True, False, False, True),
        (TLP.AMBER_STRICT, True, False, False, False, True),
        (TLP.RED, False, False, False, False, True),
    ],
)
def test_each_level_reaches_exactly_those_first_names(
    level: TLP, owner: bool, client: bool, peer: bool, outsider: bool, named: bool
) -> None:
    marking = Marking(level, OWNER, frozenset({"ines"}))
    assert may_see(Member("otto", OWNER), marking) is owner
    assert may_see(Member("clara", CLIENT), marking) is client
    assert may_see(Member("pia", PEER), marking) is peer
    assert may_see(Member("olga", OUTSIDER), marking) is outsider
    assert may_see(Member("ines", OWNER), marking) is named


def test_a_red_recipient_may_be_of_another_organisation_but_never_an_organisation() -> None:
    marking = Marking(TLP.RED, OWNER, frozenset({"pia"}))
    assert may_receive(Recipient(PEER, "pia"), marking)
    assert not may_receive(Recipient(PEER), marking)
    assert not may_receive(Recipient(OWNER), marking)


def test_the_public_gets_clear_only_and_the_community_green_as_well() -> None:
    assert [level for level in TLP if may_receive(PUBLIC, Marking(level, OWNER))] == [TLP.CLEAR]
    assert [level for level in TLP if may_receive(COMMUNITY, Marking(level, OWNER))] == [
        TLP.CLEAR,
        TLP.GREEN,
    ]


@given(st.sampled_from(TLP), st.sampled_from(TLP), st.sampled_from([OWNER, CLIENT, PEER, OUTSIDER]))
def test_nobody_sees_above_their_clearance(level: TLP, clearance: TLP, organisation: Organisation) -> None:
    member = Member("m", organisation, clearance)
    if may_see(member, Marking(level, OWNER, frozenset({"m"}))):
        assert level <= clearance


def test_what_is_withheld_is_told_to_the_sender_by_name_and_level() -> None:
    found = withheld(
        COMMUNITY, [("192.0.2.1", Marking(TLP.AMBER, OWNER)), ("192.0.2.2", Marking(TLP.GREEN, OWNER))]
    )
    assert [str(thing) for thing in found] == ["192.0.2.1 is TLP:AMBER and may not go to the community"]


@pytest.mark.parametrize(
    "text", ["TLP:AMBER+STRICT", "amber+strict", " tlp: Amber+Strict ", TLP.AMBER_STRICT]
)
def test_labels_are_read_as_people_write_them(text: str | TLP) -> None:
    assert TLP.parse(text) is TLP.AMBER_STRICT
    assert f"{TLP.parse('white'):>10}" == " TLP:CLEAR"


def test_an_unknown_label_is_an_error_that_lists_the_labels() -> None:
    with pytest.raises(ValueError, match="'AMBRE' is no TLP label; there are: clear, green, amber"):
        TLP.parse("AMBRE")
