"""Codes of outside code: functions given for an ``extern``, what they do and what they do not give."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


OUTSIDE_MISSING = _code(
    "E0841",
    "an extern without a function",
    "`{call}` cannot be evaluated: no function is given for `{name}`",
    "give one: `model.bind(data, {name}=function)` in Python, `--extern {name}=FILE.py:FUNCTION` on the command line",
    """A model names an outside function with `extern` and never runs code of its own accord: the function comes with
the data. With

    extern loss(z)
    var z[1..3] in [0, 1]
    minimize loss(z)

a plain `optc solve model.opt` is refused; the mend is `optc solve model.opt --extern loss=losses.py:loss`.""",
)

OUTSIDE_FAILS = _code(
    "E0842",
    "an outside function that fails",
    "`{call}` fails with {error}",
    "mend the function; where it has no value it should give NaN, which solvers step back from",
    """The function that was given for an `extern` raised an exception. It is called with whole families, in float64, at
any point within the bounds of its decisions: once to see how it is written, then wherever a method looks.

    def loss(z):
        return math.log(z.min())      # fails where an entry is 0

is mended by `np.log(z.min())`, which is `-inf` there, by a result `math.nan`, or by bounds that keep `z` away from 0.
The message gives the exception, and the line of the file where there is one.""",
)

OUTSIDE_RESULT = _code(
    "E0843",
    "an outside function with a result that does not fit",
    "{what} of `{call}` {fault}",
    "{mend}",
    """An `extern` gives one real number. Its derivatives, where it offers them itself, are one array for each argument
that holds decisions, in the shape of that argument, and for `hessian` one square matrix over the entries of those
arguments one after the other.

    def loss(z):
        return z**2                   # as many numbers as z has

is mended by `return (z**2).sum()`.""",
)

OUTSIDE_CODE_EXPORT = _code(
    "E0844",
    "outside code in a file format",
    "{format} cannot hold `{call}`: it is outside code",
    "write the function out in the model, or solve the model here",
    """File formats for optimisation hold expressions and numbers. A function that is given from outside is neither, so
a model that calls one on its decisions cannot be exported. A call on data alone is a number and is written as one.""",
)

WRONG_SLOPE = _code(
    "W0841",
    "derivatives of an outside function that are not those of its values",
    "the gradient of `{call}` says that it changes by {said} along a small step, and it changes by {found}",
    "check the gradient; methods that use it may stop anywhere",
    """The first gradients that a method asks of an outside function are compared with differences of two values nearby.
They differ by more than one part in a hundred, so either the gradient is wrong (an object with its own `gradient`, a
tensor detached from the calculation) or the function jumps or has noise in its values.

    def loss(z):
        return (z.detach() * z).sum()     # torch sees half of the slope

is mended by `return (z * z).sum()`.""",
)

WRONG_CURVATURE = _code(
    "W0843",
    "second derivatives of an outside function that are not those of its gradient",
    "the second derivatives of `{call}` say that a slope changes by {said} over a small step; it changes by {found}",
    "check the second derivatives, or leave them out",
    """The first Hessians that a method asks of an outside function are compared with differences of two gradients
nearby. They differ by more than one part in a hundred. With wrong second derivatives methods converge slowly or not at
all, and the check to second order says so; without any they are approximated.

    class Loss:
        def gradient(self, z):
            return 2 * z
        def hessian(self, z):
            return np.eye(len(z))             # half of the curvature

is mended by `2 * np.eye(len(z))`.""",
)

FEW_DIGITS = _code(
    "W0842",
    "an outside function that calculates in single precision",
    "`{call}` gives a number of type {type}, of which about {digits} digits are right",
    "calculate in float64: the arguments are; `model.double()` makes a torch module so",
    """Arguments come in float64. Where the function turns them into a shorter type its values carry too few digits for
the accuracy that solvers aim at (`1e-8`), and they may stop early or wander.

    def loss(z):
        return net(z.float())

is mended by `net.double()` once and `net(z)`.""",
)

WITHOUT_SLOPES = _code(
    "N0841",
    "an outside function without derivatives",
    "`{call}` gives no derivatives, so only methods that need none could be used",
    "{mend}",
    """Methods for nonlinear models follow derivatives. They are to be had from a function written with torch, from an
object with a method `gradient` (and `hessian`, for second derivatives), or by central differences of the values where
one asks for them: `optc.differences(loss)`. A plain function of NumPy arrays has none of these: what is left is a
heuristic from values alone (`cbo`), which takes no constraints and proves nothing.""",
)

WITHOUT_CURVATURE = _code(
    "N0842",
    "an outside function without second derivatives",
    "the second derivatives of `{call}` are not used: {reason}",
    "methods that need them were passed over, others approximate them; the answer is not checked to second order",
    """The Hessian of an outside function is dense over all entries of its arguments. It is used up to {most} entries,
where the function gives second derivatives: one written with torch does, an object with a method `hessian` too, and
`optc.differences` does not. Without them Ipopt approximates the curvature (`hessian = "limited-memory"`), and a point
can be found stationary but not proved to be a local optimum.""".replace("{most}", "500"),
)
