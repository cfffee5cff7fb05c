"""What all methods for local optima of smooth nonlinear problems have in common, as far as planning goes."""

from __future__ import annotations

from optc.compiler.backend import Capabilities

LOCAL = Capabilities(
    forms=frozenset({"nonlinear"}),
    gives=frozenset({"duals", "reduced costs", "warm start", "time limit", "interrupt", "progress"}),
    refuses={
        "integer nonlinear": "it takes no whole decisions",
        "bound": "it finds local optima; a bound comes from the verifier where the model is proved convex",
    },
    outside=2,
)
