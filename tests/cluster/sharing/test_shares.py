"""Weighted max-min shares of whole slots, and what they are with several resources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.sharing.shares import Machine, Request, Room, allot, dues, more
from sweeps.backend.claim import Claim

CPU = {"CPU": 1.0, "GPU": 0.0}


def request(
    name: str, most: int = 100, weight: float = 1.0, surplus: float = 0.0, **slot: float
) -> Request:
    return Request(Claim(name, name, name, slot or CPU, most, 0), weight, most, surplus)


def shares(machines: list[Machine], *requests: Request) -> list[int]:
    given = allot(machines, requests)
    return [given[request.claim.session] for request in requests]


def test_two_alike_have_half_each_and_who_came_first_the_odd_one() -> None:
    assert shares([Machine(4)], request("a"), request("b")) == [2, 2]
    assert shares([Machine(5)], request("a"), request("b")) == [3, 2]


def test_weights_divide_what_there_is() -> None:
    assert shares([Machine(4)], request("a"), request("c", weight=3)) == [1, 3]
    assert shares([Machine(12)], request("a"), request("b", weight=2), request("c", weight=3)) == [
        2, 4, 6,
    ]  # fmt: skip


def test_what_one_does_not_want_is_the_others() -> None:
    assert shares([Machine(8)], request("a", most=1), request("b"), request("c")) == [1, 4, 3]


def test_each_has_one_while_there_are_enough_and_then_who_came_first() -> None:
    assert shares([Machine(3)], request("a", weight=100), request("b"), request("c")) == [1, 1, 1]
    assert shares([Machine(2)], request("a"), request("b"), request("c")) == [1, 1, 0]


def test_a_weight_of_nothing_has_what_nobody_else_wants() -> None:
    assert shares([Machine(2)], request("a", weight=0), request("b")) == [0, 2]
    assert shares([Machine(4)], request("a", weight=0), request("b", most=1)) == [3, 1]


def test_the_odd_one_goes_to_who_lacked_it_before() -> None:
    assert shares([Machine(3)], request("a", surplus=0.5), request("b", surplus=-0.5)) == [1, 2]


def test_sweeps_on_cards_and_without_take_each_what_the_other_needs_less() -> None:
    machines = [Machine(4, cards=4), Machine(4)]
    given = shares(machines, request("gpu", CPU=1.0, GPU=1.0), request("cpu", most=4))
    assert given == [4, 4], "the slots without a card go to the machine without cards"


def test_with_two_resources_the_scarcer_one_counts() -> None:
    given = shares([Machine(9, cards=9)], request("a", CPU=1.0, GPU=2.0), request("b", CPU=3.0))
    assert given == [3, 2], "Ghodsi et al., figure 1, with 9 cards for 18 GB: two thirds each"


def test_a_share_of_a_card_is_of_one_card() -> None:
    room = Room([Machine(8, cards=2)])
    slot = {"CPU": 1.0, "GPU": 0.6}
    assert [room.place(slot) for _ in range(3)] == [True, True, False]
    room = Room([Machine(8, cards=1)])
    assert [room.place({"CPU": 1.0, "GPU": 1 / 3}) for _ in range(4)] == [True, True, True, False]
    room = Room([Machine(8, cards=2)])
    assert [room.place({"CPU": 1.0, "GPU": 2.0}) for _ in range(2)] == [True, False]


def test_a_due_is_the_share_if_slots_could_be_divided() -> None:
    machines, requests = [Machine(3)], [request("a"), request("b")]
    assert dues(machines, requests, allot(machines, requests)) == pytest.approx(
        {"a": 1.5, "b": 1.5}
    )
    requests = [request("a", most=1), request("b", weight=2), request("c")]
    assert dues([Machine(7)], requests, {"a": 1, "b": 4, "c": 2}) == pytest.approx(
        {"a": 1.0, "b": 4.0, "c": 2.0}
    )


def test_what_is_booked_is_not_given_again() -> None:
    a, b = request("a").claim, request("b").claim
    assert more([Machine(4)], [(a, 3), (b, 0)], b, most=4) == 1
    assert more([Machine(4)], [(a, 4)], b, most=4) == 0


machine = st.builds(Machine, st.integers(0, 8).map(float), st.integers(0, 4))
slots = st.sampled_from([CPU, {"CPU": 2.0}, {"CPU": 1.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 0.25}])
wishes = st.lists(st.tuples(slots, st.integers(0, 9), st.sampled_from([0.0, 1.0, 2.5])), max_size=5)


@given(st.lists(machine, max_size=4), wishes)
def test_no_more_than_there_is_or_is_wanted_and_nothing_is_left_that_fits(
    machines: list[Machine], wishes: list[tuple[dict[str, float], int, float]]
) -> None:
    requests = [
        Request(Claim(str(i), "s", "m", slot, most, 0), weight, most)
        for i, (slot, most, weight) in enumerate(wishes)
    ]
    given = allot(machines, requests)
    assert all(0 <= given[r.claim.session] <= r.most for r in requests)
    cpu = sum(given[r.claim.session] * r.claim.slot["CPU"] for r in requests)
    gpu = sum(given[r.claim.session] * r.claim.slot.get("GPU", 0.0) for r in requests)
    assert cpu <= sum(m.cpus for m in machines) + 1e-6
    assert gpu <= sum(m.cards for m in machines) + 1e-6
    due = dues(machines, requests, given)
    assert sum(due.values()) <= sum(given.values()) * 8 + 1e-6
    alone = [r for r in requests if r.most and r.weight]
    if len(alone) == 1:
        assert given[alone[0].claim.session] == more(machines, [], alone[0].claim, alone[0].most)
