"""Merging what two made of one profile."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from workbench.store.syncing.merging import FIELDS, Content, added_words, merge

CONTENTS = st.builds(
    Content,
    threat_level=st.integers(0, 4),
    notes=st.sampled_from(["", "a", "b", "c"]),
    tags=st.frozensets(st.sampled_from("xyz")),
    secrecy=st.integers(0, 4),
    deleted=st.booleans(),
)


@given(CONTENTS, CONTENTS, CONTENTS)
def test_what_one_side_left_alone_is_never_in_conflict(base: Content, mine: Content, theirs: Content) -> None:
    assert merge(base, base, theirs).content == theirs
    assert merge(base, base, theirs).conflicts == {}
    assert merge(base, mine, base).content == mine
    assert merge(base, mine, base).conflicts == {}
    assert merge(base, mine, mine) == merge(mine, mine, mine)


@given(CONTENTS, CONTENTS, CONTENTS)
def test_both_sides_come_to_the_same_or_to_the_same_conflicts(base: Content, mine: Content, theirs: Content) -> None:  # fmt: skip
    here, there = merge(base, mine, theirs), merge(base, theirs, mine)
    assert here.conflicts.keys() == there.conflicts.keys()
    for name in FIELDS:
        if name not in here.conflicts:
            assert getattr(here.content, name) == getattr(there.content, name)
        else:
            assert getattr(here.content, name) == getattr(mine, name)
            assert here.conflicts[name] == getattr(theirs, name)


@given(CONTENTS, CONTENTS, CONTENTS)
def test_nothing_either_side_wrote_is_overwritten(base: Content, mine: Content, theirs: Content) -> None:
    merged = merge(base, mine, theirs)
    for name in ("threat_level", "notes", "secrecy", "deleted"):
        changed = {getattr(side, name) for side in (mine, theirs)} - {getattr(base, name)}
        kept = {getattr(merged.content, name)} | (
            {merged.conflicts[name]} if name in merged.conflicts else set()
        )
        assert changed <= kept
    assert (mine.tags | theirs.tags) - base.tags <= merged.content.tags
    assert not merged.content.tags & base.tags & (base.tags - mine.tags | base.tags - theirs.tags)


@given(CONTENTS, CONTENTS, CONTENTS)
def test_no_words_are_lowered_below_the_level_they_were_written_at(base: Content, mine: Content, theirs: Content) -> None:  # fmt: skip
    merged = merge(base, mine, theirs)
    wrote = (base.notes, base.tags) != (mine.notes, mine.tags)
    if wrote and theirs.secrecy < min(base.secrecy, mine.secrecy):
        assert merged.held


@given(CONTENTS, CONTENTS, CONTENTS)
def test_a_conflict_stays_until_both_agree(base: Content, mine: Content, theirs: Content) -> None:
    first = merge(base, mine, theirs)
    again = merge(first.base, first.content, theirs, first.conflicts)
    assert again.conflicts == first.conflicts
    assert again.content == first.content
    for name, value in first.conflicts.items():
        settled = merge(
            replace(first.base, **{name: value}), first.content, theirs, set(first.conflicts) - {name}
        )
        assert name not in settled.conflicts or name in ("secrecy", "deleted")


def test_her_own_words_alone() -> None:
    assert added_words("the informant is X", "the informant is X and Y was phoned") == "and Y was phoned"
    assert added_words("a b c", "c b a") == ""
    long = " ".join(f"word{n}" for n in range(9_000))
    assert added_words(long, long + "\nmine") == "mine"
