"""Weighted max-min shares of whole slots, and what they are with several resources."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.sharing.shares import Machine, Portion, Request, allot, dues, more, within_limit
from sweeps.backend.claim import Claim
from sweeps.backend.ray_session import Cluster

CPU = {"CPU": 1.0, "GPU": 0.0}


def request(
    name: str, most: int = 100, weight: float = 1.0, surplus: float = 0.0, **slot: float
) -> Request:
    return Request(Claim(name, name, name, slot or CPU, most, 0), weight, most, surplus)


def shares(machines: list[Machine], *requests: Request) -> list[int]:
    given = allot(machines, requests)
    return [given[request.claim.session].slots for request in requests]


def both(machines: list[Machine], *requests: Request) -> list[tuple[int, int]]:
    given = allot(machines, requests)
    portions = [given[request.claim.session] for request in requests]
    return [(portion.on_cards, portion.without) for portion in portions]


def anywhere(
    name: str, most: int = 100, gpu: float = 1.0, on_cards: int | None = None, weight: float = 1.0
) -> Request:
    claim = Claim(name, name, name, {"CPU": 1.0, "GPU": gpu}, most, 0, anywhere=True)
    return Request(claim, weight, most, most_on_cards=on_cards)


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

    def placed(cards: int, gpu: float) -> int:
        return allot([Machine(8, cards)], [request("a", CPU=1.0, GPU=gpu)])["a"].on_cards

    assert placed(2, 0.6) == 2
    assert placed(1, 1 / 3) == 3
    assert placed(2, 2.0) == 1


def test_a_due_is_the_share_if_slots_could_be_divided() -> None:
    machines, requests = [Machine(3)], [request("a"), request("b")]
    assert dues(machines, requests, allot(machines, requests)) == pytest.approx(
        {"a": 1.5, "b": 1.5}
    )
    requests = [request("a", most=1), request("b", weight=2), request("c")]
    given = {"a": Portion(0, 1), "b": Portion(0, 4), "c": Portion(0, 2)}
    assert dues([Machine(7)], requests, given) == pytest.approx({"a": 1.0, "b": 4.0, "c": 2.0})


@given(
    st.integers(0, 16),
    st.integers(0, 4),
    st.sampled_from([0.25, 0.5, 1.0, 3.0]),
    st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.4, 0.5, 0.6, 1.0, 2.0]),
    st.booleans(),
)
def test_a_sweep_counts_as_many_slots_on_a_machine_as_it_may_be_given(
    cpus: int, cards: int, cpu: float, gpu: float, may_be_anywhere: bool
) -> None:
    node = {"Resources": {"CPU": float(cpus), **({"GPU": float(cards)} if cards else {})}}
    resources = {"cpu": cpu, "gpu": gpu, "anywhere": may_be_anywhere and gpu > 0}
    with patch("sweeps.backend.ray_session.alive_nodes", lambda: [node]):
        counted = Cluster(own=False, address="").slots(resources)
    slot = {"CPU": cpu, "GPU": gpu}
    claim = Claim("a", "a", "a", slot, 100, 0, anywhere=resources["anywhere"])
    given = allot([Machine(float(cpus), cards)], [Request(claim, 1.0, 100)])
    assert given["a"].slots == counted


def test_what_is_booked_is_not_given_again() -> None:
    a, b = request("a").claim, request("b").claim
    four = [Machine(4)]
    assert more(four, [(a, Portion(0, 3)), (b, Portion())], b, Portion(0, 4)) == Portion(0, 1)
    assert more(four, [(a, Portion(0, 4))], b, Portion(0, 4)) == Portion()
    c = anywhere("c").claim
    mixed = [Machine(2, cards=2), Machine(2)]
    assert more(mixed, [(c, Portion(1, 2))], c, Portion(2, 2)) == Portion(1, 0)
    assert more(mixed, [(c, Portion(2, 0)), (a, Portion(0, 1))], c, Portion(0, 2)) == Portion(0, 1)


def test_slots_that_may_be_anywhere_fill_cards_first_then_machines_without() -> None:
    mixed = [Machine(4), Machine(4, cards=2), Machine(2)]
    assert both(mixed, anywhere("a")) == [(2, 6)], (
        "the CPUs beside cards are left to trials on them"
    )
    assert both(mixed, anywhere("a", most=3)) == [(2, 1)]
    assert both(mixed, anywhere("a", gpu=0.5)) == [(4, 6)]
    assert both(mixed, anywhere("a", on_cards=1)) == [(1, 6)], "the limit of a member is of cards"
    assert both([Machine(4)], anywhere("a")) == [(0, 4)]
    assert both([Machine(4, cards=4)], anywhere("a")) == [(4, 0)]


def test_two_that_may_be_anywhere_share_both_and_one_that_needs_a_card_has_its_half() -> None:
    mixed = [Machine(4, cards=4), Machine(4)]
    first, second = both(mixed, anywhere("a"), anywhere("b"))
    assert (first[0] + second[0], first[1] + second[1]) == (4, 4)
    needs, may = both(mixed, request("gpu", CPU=1.0, GPU=1.0), anywhere("a"))
    assert needs == (2, 0)
    assert may == (2, 4), "nobody else can use the machine without cards"


machine = st.builds(Machine, st.integers(0, 8).map(float), st.integers(0, 4))
slots = st.sampled_from([CPU, {"CPU": 2.0}, {"CPU": 1.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 0.25}])
weights = st.sampled_from([0.0, 1.0, 2.5])
wishes = st.lists(st.tuples(slots, st.integers(0, 9), weights, st.booleans()), max_size=5)


@given(st.lists(machine, max_size=4), wishes)
def test_no_more_than_there_is_or_is_wanted_and_nothing_is_left_that_fits(
    machines: list[Machine], wishes: list[tuple[dict[str, float], int, float, bool]]
) -> None:
    requests = [
        Request(
            Claim(str(i), "s", "m", slot, most, 0, anywhere=anywhere and "GPU" in slot),
            weight,
            most,
        )
        for i, (slot, most, weight, anywhere) in enumerate(wishes)
    ]
    given = allot(machines, requests)
    portions = [(given[r.claim.session], r.claim) for r in requests]
    assert all(0 <= given[r.claim.session].slots <= r.most for r in requests)
    cpu = sum(portion.slots * claim.slot["CPU"] for portion, claim in portions)
    gpu = sum(portion.on_cards * claim.slot.get("GPU", 0.0) for portion, claim in portions)
    assert cpu <= sum(m.cpus for m in machines) + 1e-6
    assert gpu <= sum(m.cards for m in machines) + 1e-6
    without = sum(portion.without for portion, claim in portions if claim.anywhere)
    assert without <= sum(m.cpus for m in machines if not m.cards), "never on a card's CPUs"
    assert all(not portion.without or claim.anywhere or not claim.slot.get("GPU")
               for portion, claim in portions)  # fmt: skip
    due = dues(machines, requests, given)
    assert sum(due.values()) <= sum(one.slots for one in given.values()) * 8 + 1e-6
    alone = [r for r in requests if r.most and r.weight]
    if len(alone) == 1:
        claim, most = alone[0].claim, alone[0].most
        cards = more(machines, [], claim, Portion(most, 0)).on_cards
        assert given[claim.session].on_cards == cards, "cards are filled first"
        left = Portion(cards, most - cards)
        assert given[claim.session] == more(machines, [], claim, left)


@given(st.lists(machine, max_size=4), wishes, st.data())
def test_what_is_added_fits_beside_what_is_booked(
    machines: list[Machine], wishes: list[tuple[dict[str, float], int, float, bool]],
    data: st.DataObject,
) -> None:  # fmt: skip
    """However sessions hold what they were given: nothing is booked twice."""
    requests = [
        Request(Claim(str(i), "s", "m", slot, most, 0, anywhere="GPU" in slot), 1.0, most)
        for i, (slot, most, _, _) in enumerate(wishes)
    ]
    given = allot(machines, requests)
    booked = [
        (r.claim, Portion(
            data.draw(st.integers(0, given[r.claim.session].on_cards)),
            data.draw(st.integers(0, given[r.claim.session].without)),
        ))
        for r in requests
    ]  # fmt: skip
    if not requests:
        return
    one = data.draw(st.sampled_from(requests)).claim
    added = more(machines, booked, one, Portion(9, 9))
    booked.append((one, added))
    gpu = sum(portion.on_cards * claim.slot.get("GPU", 0.0) for claim, portion in booked)
    cpu = sum(portion.slots * claim.slot["CPU"] for claim, portion in booked)
    assert gpu <= sum(m.cards for m in machines) + 1e-6
    assert cpu <= sum(m.cpus for m in machines) + 1e-6


@given(
    st.lists(
        st.tuples(st.sampled_from([0.25, 1 / 3, 0.5, 1.0, 2.0]), st.integers(0, 9)), max_size=5
    ),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5, 8.0]),
)
def test_of_a_members_cards_each_sweep_has_one_while_there_are_enough(
    wishes: list[tuple[float, int]], cards: float
) -> None:
    claims = [Claim(str(i), "s", "m", {"GPU": g}, n, 0) for i, (g, n) in enumerate(wishes)]
    given = within_limit(claims, cards)
    assert all(0 <= given[claim.session] <= claim.wanted for claim in claims)
    assert sum(given[claim.session] * claim.slot["GPU"] for claim in claims) <= cards + 1e-6
    if sum(claim.slot["GPU"] for claim in claims if claim.wanted) <= cards:
        assert all(given[claim.session] for claim in claims if claim.wanted)


def test_what_is_booked_and_cannot_be_placed_alike_again_is_nobody_elses() -> None:
    """The large slot is on the first machine, where the small one would be put at first."""
    small = Claim("a", "a", "a", {"CPU": 1.0}, 9, 1)
    large = Claim("b", "b", "b", {"CPU": 3.0}, 1, 1)
    booked = [(small, Portion(0, 1)), (large, Portion(0, 1))]
    assert more([Machine(3), Machine(2)], booked, small, Portion(0, 9)) == Portion(0, 1)
