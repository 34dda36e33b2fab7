from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.ledger import FrameLedger, LedgerCounts


def test_a_gap_in_the_numbers_is_counted_as_lost() -> None:
    ledger = FrameLedger()

    for index in (0, 1, 4):
        ledger.capture(index)

    counts = ledger.counts()
    assert (counts.numbered, counts.captured, counts.lost) == (5, 3, 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["infer", "replace", "skip"])),
        max_size=50,
    )
)
def test_the_counts_add_up_whatever_happens(steps: list[tuple[int, str]]) -> None:
    ledger, index = FrameLedger(), -1

    for gap, end in steps:
        index += gap + 1
        ledger.capture(index)
        assert ledger.counts().is_balanced
        getattr(ledger, end)()

    counts = ledger.counts()
    assert counts.is_balanced
    assert counts.pending == 0
    assert counts.numbered == index + 1


def test_a_frame_that_is_in_no_place_is_noticed() -> None:
    assert not LedgerCounts(numbered=2, captured=2, inferred=1).is_balanced
    assert not LedgerCounts(numbered=2, captured=1, inferred=1).is_balanced
