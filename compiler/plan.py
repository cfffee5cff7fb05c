"""Routes from an instance to a backend, found on signatures: no array is built for a route that is not taken.

A signature says what a problem is made of. A lowering has ``transfer(signature) -> signature, or the reason why not``;
backends sit at forms and say with ``capabilities`` what they take. The plan lists every route there is, cheapest
first, with the reason why each of the others is not taken: ``optc explain`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Block,
    Choice,
    Complementarity,
    Constraint,
    Implication,
    Program,
    SpecialOrderedSet,
    Uncertain,
    Variable,
)

from .backend import Backend
from .degree import Shapes
from .forms.linear import Floats, LinearForm
from .instance import Instance
from .lowerings import epigraph, instance_to_linear, instance_to_quadratic
from .lowerings.instance_to_linear import Inverse
from .quantifiers import class_name

_WHOLE = ("integer", "binary", "spin", "semicontinuous")


@dataclass(frozen=True, slots=True)
class Signature:
    """``form``: ``instance``, or the name of a form. ``features``: what the problem is made of beyond linear rows."""

    form: str
    problem_class: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A form, and the way back. ``instance``: the one whose families the form's rows and columns are.

    ``lift``: values of the original's decision families from the form's columns. ``extend``: a point of the original
    with the values of what ``instance`` has beyond it.
    """

    form: LinearForm
    instance: Instance
    lift: Callable[[Floats], Mapping[str, Floats]]
    extend: Callable[[Mapping[str, Floats]], Mapping[str, Floats]]


@dataclass(frozen=True, slots=True)
class Lowering:
    """A chain of lowerings as the planner sees it.

    ``steps`` names it and its forms, the last being the target; ``cost`` orders routes (about how much harder the
    target is to solve). It is on offer where one of the features ``wants`` is there, or always.
    """

    steps: tuple[str, ...]
    cost: float
    transfer: Callable[[Signature], Signature | str]
    accepts: Callable[[Instance], Diagnostic | None]
    lower: Callable[[Instance], Lowered]
    wants: frozenset[str] = frozenset()

    @property
    def target(self) -> str:
        return self.steps[-1]

    def offered(self, source: Signature) -> bool:
        return not self.wants or bool(self.wants & source.features)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one backend.

    ``refused``: why it cannot be taken, or None; ``need``: what would remove that; ``passed``: how many of the checks
    went well before, so that the most promising of several refusals can be told.
    """

    lowering: Lowering
    backend: Backend
    cost: float
    refused: str | None = None
    need: str = ""
    passed: int = 0

    @property
    def steps(self) -> tuple[str, ...]:
        """The forms it passes and the backend it ends at."""
        return (*self.lowering.steps, self.backend.name)


@dataclass(frozen=True, slots=True)
class Plan:
    """All routes, cheapest first, those that cannot be taken after those that can."""

    signature: Signature
    routes: tuple[Route, ...]

    @property
    def chosen(self) -> Route | None:
        """The cheapest route that can be taken."""
        return next((route for route in self.routes if route.refused is None), None)

    def text(self) -> str:
        """Every route on a line, with the reason why it is or is not taken."""
        lines = []
        for route in self.routes:
            way = " -> ".join((self.signature.problem_class, *route.steps))
            if route is self.chosen:
                lines.append(f"{way}: taken, the cheapest route")
            else:
                lines.append(f"{way}: not taken, {route.refused or 'a cheaper route is'}")
        return "\n".join(lines) if lines else "no routes: there are no backends"


def plan(instance: Instance, backends: Sequence[Backend], wanted: str | None = None) -> Plan:
    """The routes of an instance; with ``wanted`` those to other backends count as refused."""
    start = signature(instance.program)
    found: list[Route] = []
    for order, backend in enumerate(backends):
        for lowering in LOWERINGS:
            if lowering.target not in backend.capabilities.forms or not lowering.offered(start):
                continue
            passed, refused, need = _obstacle(instance, start, lowering, backend, wanted)
            found.append(Route(lowering, backend, lowering.cost + 0.01 * order, refused, need, passed))
    found.sort(key=lambda route: (route.refused is not None, -route.passed, route.cost))
    return Plan(start, tuple(found))


def _obstacle(
    instance: Instance, start: Signature, lowering: Lowering, backend: Backend, wanted: str | None
) -> tuple[int, str | None, str]:
    """How many checks went well, the first that did not (None: all went well), and what would remove it."""
    target = lowering.transfer(start)
    if isinstance(target, str):
        return 0, target, _NEEDS.get(_first_foreign(start), "use a class of models that a backend takes")
    refused = _backend_refuses(target, backend)
    if refused is not None:
        return 1, refused, "use a backend that takes such models (`optc backends` lists them)"
    if wanted is not None and backend.name != wanted:
        return 2, f"backend `{wanted}` was asked for", ""
    if backend.version() is None:
        return 3, f"backend `{backend.name}` is not installed", f"install it with `{backend.install}`"
    reason = lowering.accepts(instance)
    if reason is not None:
        return 4, reason.message, reason.hints[0].text if reason.hints else ""
    return 5, None, ""


def _backend_refuses(target: Signature, backend: Backend) -> str | None:
    can = backend.capabilities
    if "integer" in target.features and target.form not in can.integer:
        words = f"integer {target.form}"
        return can.refuses.get(words, f"backend `{backend.name}` takes no whole decisions in a {target.form} problem")
    return None


# ----------------------------------------------------------------------------------------------------- signatures
def signature(program: Program) -> Signature:
    """What a program is made of, from its text alone."""
    return Signature("instance", class_name(program), frozenset(_features(program)))


def _features(program: Program) -> set[str]:
    found: set[str] = set()
    for child in _descendants(program.root):
        found.add({"lower": "lower level", "player": "player", "recourse": "recourse"}.get(child.kind, child.kind))
    for symbol in program.symbols.values():
        if isinstance(symbol, Uncertain):
            found.add("uncertainty")
        elif isinstance(symbol, Choice):
            found.add("choice")
        elif isinstance(symbol, Variable):
            found |= {"integer"} if symbol.domain in _WHOLE else set()
            found |= {"matrix decision"} if symbol.domain == "psd" else set()
        elif isinstance(symbol, Constraint):
            found |= _kind_of_row(symbol)
    return found | _algebra(program)


def _kind_of_row(symbol: Constraint) -> set[str]:
    kinds = {
        Implication: "indicator",
        Complementarity: "complementarity",
        SpecialOrderedSet: "special ordered set",
    }
    return {word for kind, word in kinds.items() if isinstance(symbol.body, kind)}


def _algebra(program: Program) -> set[str]:
    root = program.root
    shapes = Shapes(program, frozenset(root.decisions))
    found: set[str] = set()
    if root.objective is not None and root.objective.expression is not None:
        shape = shapes.of(root.objective.expression)
        found |= _degree_word(shape.degree, shape.kinks, "objective")
    for name in root.constraints:
        symbol = program.symbols[name]
        if isinstance(symbol, Constraint):
            shape = shapes.constraint(symbol)
            found |= _degree_word(shape.degree, shape.kinks, "constraint")
    return found


def _degree_word(degree: int | None, kinks: bool, where: str) -> set[str]:
    if degree is None or degree > 2:
        return {f"nonlinear {where}"}
    if kinks:
        return {f"piecewise {where}"}
    return {f"quadratic {where}"} if degree == 2 else set()


def _descendants(block: Block) -> list[Block]:
    return [inner for child in block.children for inner in (child, *_descendants(child))]


# ------------------------------------------------------------------------------------------------------- lowerings
_WORDS = {
    "lower level": "it has a lower level: someone who answers to the decisions",
    "player": "it has players, who decide at once, each for himself",
    "uncertainty": "it has uncertain data that nature chooses",
    "recourse": "it has decisions that are made when the uncertain data are known",
    "choice": "it has choices of one option for each group",
    "matrix decision": "it has semidefinite matrices as decisions",
    "indicator": "it has indicator constraints (=>)",
    "complementarity": "it has complementarity conditions",
    "special ordered set": "it has special ordered sets",
    "nonlinear objective": "its objective is nonlinear",
    "nonlinear constraint": "it has nonlinear constraints",
    "piecewise objective": "its objective has kinks (min, max, abs or piecewise)",
    "piecewise constraint": "it has constraints with kinks (min, max, abs or piecewise)",
    "quadratic constraint": "it has quadratic constraints",
    "quadratic objective": "its objective is quadratic",
}
_NEEDS = {
    "lower level": "a bilevel method is needed; without the `lower` block the model is an ordinary one",
    "player": "a method for equilibria is needed; with a single player the model is an ordinary one",
    "uncertainty": "a method for robust models is needed; with `param` in place of `uncertain` it is an ordinary one",
    "recourse": "a method for two-stage models is needed",
    "choice": "binaries `x[g, o]` with `sum(x[g, o] for o in Options) == 1` say the same in a linear model",
    "matrix decision": "a semidefinite backend is needed",
    "indicator": "a big-M row, `x <= M * (1 - b)`, says the same in a linear model",
    "complementarity": "a method for complementarity is needed; a binary and two big-M rows say the same",
    "special ordered set": "binaries that switch the members say the same in a linear model",
    "nonlinear objective": "a nonlinear backend is needed",
    "nonlinear constraint": "a nonlinear backend is needed",
    "piecewise objective": "a new decision `t` with `t >= …` for each piece says the same where the kinks are convex",
    "piecewise constraint": "a row for each piece says the same where the kinks are convex",
    "quadratic constraint": "a conic or nonlinear backend is needed",
    "quadratic objective": "a backend for quadratic problems is needed",
}
_LINEAR = frozenset({"integer"})
_QUADRATIC = frozenset({"integer", "quadratic objective"})
_KINKS = frozenset({"piecewise objective", "piecewise constraint"})


def _first_foreign(signature: Signature) -> str:
    return next((word for word in _WORDS if word in signature.features - _QUADRATIC), "")


def _transfer(target: str, allowed: frozenset[str]) -> Callable[[Signature], Signature | str]:
    def transfer(source: Signature) -> Signature | str:
        foreign = [words for feature, words in _WORDS.items() if feature in source.features - allowed]
        return foreign[0] if foreign else Signature(target, source.problem_class, source.features & _LINEAR)

    return transfer


def _directly(
    lower: Callable[[Instance], tuple[LinearForm, Inverse]],
) -> Callable[[Instance], Lowered]:
    def run(instance: Instance) -> Lowered:
        form, inverse = lower(instance)
        return Lowered(form, instance, lambda x: instance_to_linear.lift(x, inverse), lambda point: point)

    return run


def _by_epigraph(
    lower: Callable[[Instance], tuple[LinearForm, Inverse]],
) -> Callable[[Instance], Lowered]:
    def run(instance: Instance) -> Lowered:
        found = epigraph.lower(instance)
        form, inverse = lower(found.instance)
        own = {family.name for family in instance.families}

        def lift(x: Floats) -> Mapping[str, Floats]:
            return {name: v for name, v in instance_to_linear.lift(x, inverse).items() if name in own}

        return Lowered(form, found.instance, lift, found.extended)

    return run


def _after_epigraph(
    accepts: Callable[[Instance], Diagnostic | None],
) -> Callable[[Instance], Diagnostic | None]:
    def run(instance: Instance) -> Diagnostic | None:
        return epigraph.accepts(instance) or accepts(epigraph.lower(instance).instance)

    return run


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(
        ("linear",),
        1.0,
        _transfer("linear", _LINEAR),
        instance_to_linear.accepts,
        _directly(instance_to_linear.lower),
    ),
    Lowering(
        ("quadratic",),
        2.0,
        _transfer("quadratic", _QUADRATIC),
        instance_to_quadratic.accepts,
        _directly(instance_to_quadratic.lower),
    ),
    Lowering(
        ("epigraph", "linear"),
        1.5,
        _transfer("linear", _LINEAR | _KINKS),
        _after_epigraph(instance_to_linear.accepts),
        _by_epigraph(instance_to_linear.lower),
        _KINKS,
    ),
    Lowering(
        ("epigraph", "quadratic"),
        2.5,
        _transfer("quadratic", _QUADRATIC | _KINKS),
        _after_epigraph(instance_to_quadratic.accepts),
        _by_epigraph(instance_to_quadratic.lower),
        _KINKS,
    ),
)
