"""Small bilevel models, one for each thing that a level may do, with optima by closed forms, grids and enumeration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar


@dataclass(frozen=True)
class Case:
    """``value`` finds the leader's best objective without optc; ``at`` are decisions that every optimum shares."""

    text: str
    value: Callable[[], float]
    at: dict[str, float]


def best(value: Callable[[float], float], low: float, high: float) -> float:
    """The least value over a grid of 2,001 points, refined beside the best one."""
    grid = np.linspace(low, high, 2001)
    point = grid[np.argmin([value(x) for x in grid])]
    step = (high - low) / 2000
    near = (max(low, point - step), min(high, point + step))
    return min(value(point), float(minimize_scalar(value, bounds=near, method="bounded", options={"xatol": 1e-12}).fun))


NO_ANSWER = 1e9


def within(y: float, low: float, high: float) -> float:
    return min(max(y, low), high)


def _range_rows() -> float:
    def value(x: float) -> float:
        y = within(2.0, (x - 1) / 2, (x + 2) / 2)
        return (x - 3) ** 2 + (y - 1) ** 2

    return best(value, 0, 10)


def _bard_whole() -> float:
    values = []
    for x in range(11):
        low, high = max(0.0, 2 * x - 8), min(3 * x - 3, 7 - x)
        if low <= high:
            values.append((x - 5) ** 2 + (2 * within(1 + 0.75 * x, low, high) + 1) ** 2)
    return min(values)


def _shelves() -> float:
    """Three retailers whose orders together fit into the leader's lorry."""

    def value(price: float) -> float:
        orders = [within((d - price) / 2, 0, 5) for d in (8, 10, 12)]
        return -price * sum(orders) if sum(orders) <= 6 + 1e-12 else NO_ANSWER

    return -best(value, 0, 20)


def _two_roads() -> float:
    """All subsets of closed roads; the traveller takes the shortest way that is left, over a network of four nodes."""
    arcs = {("s", "a"): 1, ("s", "b"): 3, ("a", "b"): 1, ("a", "t"): 5, ("b", "t"): 1}
    ways = [[("s", "a"), ("a", "t")], [("s", "b"), ("b", "t")], [("s", "a"), ("a", "b"), ("b", "t")]]
    longest = 0.0
    for closed in arcs:
        left = [sum(arcs[a] for a in way) for way in ways if closed not in way]
        longest = max(longest, min(left))
    return longest


def _knapsack_of_prices() -> float:
    """Which of three works to subsidise; the follower runs those that pay, as far as its hours go."""
    gain, hours, aid = np.array([2.1, 3.0, 4.0]), np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 1.0])
    values = []
    for number in range(8):
        z = np.array([number >> k & 1 for k in range(3)], dtype=float)
        rate = (gain + aid * z) / hours
        assert len(set(rate)) == 3, "the follower's answer is unique"
        left, done = 3.5, np.zeros(3)
        for k in np.argsort(-rate):  # the follower's problem is a continuous knapsack
            done[k] = min(1.0, left / hours[k])
            left -= done[k] * hours[k]
        values.append(5 * done[2] - 0.5 * z.sum() if z.sum() <= 2 else -NO_ANSWER)
    return max(values)


CASES: dict[str, Case] = {
    "a follower that maximises": Case(
        """
var x in [0, 10]
minimize (x - 3)^2 + (y - 4)^2
lower f {
  var y in [0, 8]
  maximize x * y - y^2
  subject to
    room: y + x <= 9
}
""",
        lambda: best(lambda x: (x - 3) ** 2 + (within(x / 2, 0, min(8, 9 - x)) - 4) ** 2, 0, 9),
        {"x": 4, "y": 2},
    ),
    "a follower that maximises under a tight row of its own": Case(
        """
var x in [0, 10]
maximize 3 * y - x
lower f {
  var y in [0, 8]
  maximize 2 * y
  subject to
    room: y <= x
    most: 2 * y + x <= 12
}
""",
        lambda: -best(lambda x: -(3 * min(8, x, 6 - x / 2) - x), 0, 10),
        {"x": 4, "y": 4},
    ),
    "a duopoly with a leader": Case(
        """
var first in [0, 20]
maximize (10 - first - second) * first - first
lower f {
  var second >= 0
  maximize (10 - first - second) * second - second
}
""",
        lambda: 81 / 8,
        {"first": 4.5, "second": 2.25},
    ),
    "two followers in a market below a leader": Case(
        """
set Followers = 1..2
var first in [0, 20]
maximize (12 - first - sum(q[i] for i in Followers)) * first
lower f[i in Followers] {
  var q >= 0
  maximize (12 - first - sum(q[j] for j in Followers)) * q
}
""",
        lambda: 12**2 / (4 * 3),
        {"first": 6, "q[1]": 2, "q[2]": 2},
    ),
    "two blocks of followers that look at each other": Case(
        """
var x in [0, 10]
minimize (a + b - 5)^2 + (x - 1)^2
lower left {
  var a in [0, 10]
  minimize (a - x - 0.5 * b)^2
}
lower right {
  var b in [0, 10]
  minimize (b - 1 - 0.5 * a)^2
}
""",
        # a = x + b / 2, b = 1 + a / 2: a = (4 x + 2) / 3, b = (2 x + 4) / 3, a + b = 2 x + 2
        lambda: best(lambda x: (2 * x - 3) ** 2 + (x - 1) ** 2, 0, 10),
        {"x": 1.4, "a": 2.5333333333, "b": 2.2666666667},
    ),
    "lower equations and ranges": Case(
        """
var x in [0, 10]
minimize (x - 3)^2 + (y[1] - 1)^2
lower f {
  var y[1..2]
  minimize (y[1] - 4)^2 + (y[2] - x)^2
  subject to
    total: y[1] + y[2] == x
    band: -1 <= y[1] - y[2] <= 2
}
""",
        _range_rows,
        {},
    ),
    "a range written downwards in a maximising follower": Case(
        """
var x in [0, 10]
maximize x - y
lower f {
  var y
  maximize y * (x - 4)
  subject to
    band: x + 2 >= y >= x - 2
}
""",
        lambda: 2.0,  # y = x - 2 where x <= 4; at x = 4 all answers are as good
        {},
    ),
    "a lower row without lower decisions": Case(
        """
var x in [0, 10]
minimize x
lower f {
  var y in [0, 1]
  minimize y
  subject to
    gate: 2 * x >= 5
}
""",
        lambda: 2.5,
        {"x": 2.5, "y": 0},
    ),
    "bounds that the leader sets": Case(
        """
var x in [1, 4]
minimize (x - 2)^2 - y
lower f {
  var y in [-x, 2 * x]
  minimize (y - 3)^2
}
""",
        lambda: best(lambda x: (x - 2) ** 2 - within(3, -x, 2 * x), 1, 4),
        {"x": 2, "y": 3},
    ),
    "a leader's row holds the follower's answer": Case(
        """
var x in [0, 10]
minimize x
subject to
  enough: y >= 3
lower f {
  var y in [0, 10]
  minimize y
  subject to
    floor: y >= x / 2
}
""",
        lambda: 6.0,
        {"x": 6, "y": 3},
    ),
    "a follower that is unbounded at some decisions": Case(
        """
var x in [0, 2]
minimize x + y
lower f {
  var y >= 0
  minimize (x - 1) * y
}
""",
        lambda: 1.0,
        {"x": 1, "y": 0},
    ),
    "a follower without a leader's decisions": Case(
        """
minimize a + 2 * b
lower f {
  var a, b >= 0
  minimize a + b
  subject to
    need: a + b >= 1
}
""",
        lambda: 1.0,
        {"a": 1, "b": 0},
    ),
    "ties go to the leader": Case(
        """
var x in [0, 1]
minimize 0.5 * (1 - x) + x * y
lower f {
  var y in [0, 1]
  minimize (x - 1) * y
}
""",
        lambda: 0.0,
        {"x": 1, "y": 0},
    ),
    "ties go to what the leader's rows allow": Case(
        """
var x in [0, 1]
minimize x
subject to
  wish: y >= 3
lower f {
  var y in [0, 5]
  minimize x * y
}
""",
        lambda: 0.0,
        {"x": 0},
    ),
    "a choice of the leader": Case(
        """
set Sites = {"north", "south"}
set Sizes = {"small", "large"}
param room[Sites, Sizes] = [[2, 5], [3, 4]]
param price[Sizes] = [1, 3]
choose size[Sites] from Sizes
maximize 2 * sum(sold[s] for s in Sites) - sum(price[size[s]] for s in Sites)
lower f {
  var sold[Sites] >= 0
  minimize 3 * sold["north"] + sold["south"] - 4 * sum(sold[s] for s in Sites)
  subject to
    space[s in Sites]: sold[s] <= room[s, size[s]]
    demand: sum(sold[s] for s in Sites) <= 7
}
""",
        # room, price: (2, 1) or (5, 3) north, (3, 1) or (4, 3) south; all that there is room for is sold, up to 7
        lambda: max(2 * min(7, n + s) - p - q for n, p in ((2, 1), (5, 3)) for s, q in ((3, 1), (4, 3))),
        {},
    ),
    "a whole leader": Case(
        """
var x integer in [0, 10]
minimize (x - 5)^2 + (2 * y + 1)^2
lower f {
  var y >= 0
  minimize (y - 1)^2 - 1.5 * x * y
  subject to
    c1: 3 * x - y >= 3
    c2: -x + 0.5 * y >= -4
    c3: -x - y >= -7
}
""",
        _bard_whole,
        {"x": 1, "y": 0},
    ),
    "several followers under a common row of the leader": Case(
        """
set Retailers = {"a", "b", "c"}
param demand[Retailers] = [8, 10, 12]
var price in [0, 20]
maximize sum(price * order[r] for r in Retailers)
subject to
  lorry: sum(order[r] for r in Retailers) <= 6
lower retailer[r in Retailers] {
  var order >= 0
  maximize (demand[r] - order - price) * order
  subject to
    shelf: order <= 5
}
""",
        _shelves,
        {"price": 6, 'order["a"]': 1, 'order["b"]': 2, 'order["c"]': 3},
    ),
    "the price of the follower's row": Case(
        """
param demand = 120
var cap in [0, 100]
var bid in [0, 50]
maximize dual(market.balance) * sold - 8 * sold - 2 * cap
lower market {
  var sold >= 0
  var other in [0, 200]
  minimize bid * sold + 20 * other
  subject to
    balance: sold + other == demand
    room: sold <= cap
}
""",
        lambda: 1000.0,  # 100 sold at the other's price of 20
        {"sold": 100, "other": 20},
    ),
    "a price in a row of the leader": Case(
        """
var build in [0, 10]
minimize 3 * build
subject to
  fair: dual(f.need) <= 4
lower f {
  var cheap >= 0
  var dear >= 0
  minimize 2 * cheap + 4 * dear + 0.5 * dear^2
  subject to
    need: cheap + dear == 8
    room: cheap <= build
}
""",
        lambda: 24.0,  # the price is 4 + dear where there is any: it must be none, so build >= 8
        {"build": 8, "dear": 0},
    ),
    "a way through a network with a closed road": Case(
        """
set Arcs = {("s", "a"), ("s", "b"), ("a", "b"), ("a", "t"), ("b", "t")}
set Nodes = {"s", "a", "b", "t"}
param length[Arcs] = [1, 3, 1, 5, 1]
var closed[Arcs] binary
maximize sum(length[a] * go[a] for a in Arcs)
subject to
  one: sum(closed[a] for a in Arcs) <= 1
lower traveller {
  var go[Arcs] >= 0
  minimize sum(length[a] * go[a] for a in Arcs)
  subject to
    path[n in Nodes]:
      sum(go[n, j] for (n, j) in Arcs) - sum(go[i, n] for (i, n) in Arcs) ==
      (if n == "s" then 1 else 0) - (if n == "t" then 1 else 0)
    shut[a in Arcs]: go[a] <= 1 - closed[a]
}
""",
        _two_roads,
        {},
    ),
    "a leader of binaries in the follower's objective": Case(
        """
set Works = 1..3
param gain[Works] = [2.1, 3, 4]
param hours[Works] = [1, 2, 3]
param aid[Works] = [2, 2, 1]
var z[Works] binary
maximize 5 * done[3] - 0.5 * sum(z[w] for w in Works)
subject to
  purse: sum(z[w] for w in Works) <= 2
lower f {
  var done[Works] in [0, 1]
  maximize sum((gain[w] + aid[w] * z[w]) * done[w] for w in Works)
  subject to
    day: sum(hours[w] * done[w] for w in Works) <= 3.5
}
""",
        _knapsack_of_prices,
        {},
    ),
    "the leader's decision beside the follower's in a product": Case(
        """
var x in [1, 4]
maximize y + 0.5 * x
lower f {
  var y in [0, 3]
  maximize y
  subject to
    area: x * y <= 4
}
""",
        lambda: 3 + 2 / 3,
        {"x": 4 / 3, "y": 3},
    ),
    "no row at all below": Case(
        """
var x in [-5, 5]
minimize y^2 + (x - 1)^2
lower f {
  var y
  minimize (y - x)^2
}
""",
        lambda: 0.5,
        {"x": 0.5, "y": 0.5},
    ),
    "a feasible leader": Case(
        """
var x in [0, 10]
satisfy
subject to
  enough: y >= 5
  little: x <= 5
lower f {
  var y
  minimize (y - x)^2
}
""",
        lambda: float("nan"),
        {"x": 5, "y": 5},
    ),
}

# (text, what the reason names)
WITHOUT_ANSWER = {
    "unbounded at every decision": """
var x in [0, 1]
minimize x
lower f {
  var y
  minimize -y
  subject to
    above: y >= x
}
""",
    "unbounded at every decision, with a quadratic part": """
var x in [0, 1]
minimize x
lower f {
  var a, b
  minimize (a - b)^2 - a - b + x * a
}
""",
    "nothing allowed at any decision": """
var x in [0, 1]
minimize x + y
lower f {
  var y
  minimize y
  subject to
    above: y >= x + 1
    below: y <= x - 1
}
""",
    "the leader allows no answer": """
var x in [0, 1]
minimize x
subject to
  wish: y >= 3
lower f {
  var y
  minimize (y - x)^2
}
""",
}

REFUSED = {
    "Mirrlees (1999): the lower level is not convex": (
        """
var x
minimize (x - 2)^2 + (y - 1)^2
lower f {
  var y in [-2, 2]
  minimize -x * exp(-(y + 1)^2) - exp(-(y - 1)^2)
}
""",
        "f",
    ),
    "Dempe and Dutta (2012): a quadratic lower row without an inner point": (
        """
var x
minimize (x - 1)^2 + y^2
lower f {
  var y
  minimize x^2 * y
  subject to
    flat: y^2 <= 0
}
""",
        "y^2",
    ),
    "a concave quadratic follower": (
        """
var x in [0, 1]
minimize x + y
lower f {
  var y in [0, 1]
  minimize -y^2 + x * y
}
""",
        "convex",
    ),
    "Moore and Bard (1990): a whole follower": (
        """
var x integer in [0, 20]
minimize -x - 10 * y
lower f {
  var y integer in [0, 20]
  minimize y
  subject to
    c1: -25 * x + 20 * y <= 30
    c2: x + 2 * y <= 10
    c3: 2 * x - y <= 15
    c4: 2 * x + 10 * y >= 15
}
""",
        "whole",
    ),
    "MibS, example 1: a whole follower": (
        """
var x integer in [0, 10]
minimize -3 * x - 7 * y
subject to
  c1: -3 * x + 2 * y <= 12
  c2: x + 2 * y <= 20
lower f {
  var y integer in [0, 5]
  minimize y
  subject to
    c3: 2 * x - y <= 7
    c4: -2 * x + 4 * y <= 16
}
""",
        "whole",
    ),
    "Lampariello and Sagratella (2017): a cube in a lower row": (
        """
var x in [-1, 1]
minimize x
lower f {
  var y1
  var y2 >= 0
  minimize (x - y1)^2 + (y2 + 1)^2
  subject to
    cube: y1^3 <= y2
}
""",
        "y1^3",
    ),
}
