from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QObject

from widgets.actions import ACTIONS, ActionGroup, ActionId, make_actions


def test_every_action_is_described_once() -> None:
    described = [spec.id for spec in ACTIONS]

    assert sorted(id_.value for id_ in described) == sorted(
        id_.value for id_ in ActionId
    )


def test_no_key_means_two_things() -> None:
    keys = Counter(key for spec in ACTIONS for key in spec.keys)

    assert keys.most_common(1)[0][1] == 1


def test_every_action_that_the_operator_repeats_has_a_key() -> None:
    without = {spec.id for spec in ACTIONS if not spec.keys}

    assert without == {ActionId.ABOUT}


def test_the_tool_tip_tells_the_key() -> None:
    owner = QObject()

    actions = make_actions(owner)

    assert "(F5)" in actions[ActionId.START].toolTip()


def test_an_action_can_be_checked_where_it_has_two_states(qapp: QObject) -> None:
    actions = make_actions(qapp)

    assert actions[ActionId.SHOW_TRAILS].isCheckable()
    assert not actions[ActionId.STOP].isCheckable()


def test_every_group_has_actions() -> None:
    assert {spec.group for spec in ACTIONS} == set(ActionGroup)
