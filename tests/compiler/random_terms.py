"""Random terms as texts, in the decisions ``x[1] x[2] p[1] p[2] y z``: functions of functions, of all curvatures."""

from __future__ import annotations

from hypothesis import strategies as st

LEAVES = ["x[1]", "x[2]", "p[1]", "p[2]", "y", "z", "2", "0.5", "-1.5"]


ONE = [
    *["exp({})", "log({})", "sqrt({})", "abs({})", "-({})", "({})^2", "({})^3", "({})^0.5", "({})^(-1)", "({})^1.5"],
    *["entropy({})", "softplus({})", "tanh({})", "sin({})", "huber({})", "3 * ({})", "({}) / 4", "sigmoid({})"],
    *["({})^4", "2^({})", "1 / ({})"],
]


def terms() -> st.SearchStrategy[str]:
    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        one = st.sampled_from(ONE)
        two = st.sampled_from(
            [
                "({}) + ({})",
                "({}) - ({})",
                "({}) * ({})",
                "({}) / ({})",
                "max({}, {})",
                "min({}, {})",
                "kl({}, {})",
                "{} + {}",
            ]
        )
        return st.one_of(
            st.builds(lambda f, a: f.format(a), one, inner),
            st.builds(lambda f, a, b: f.format(a, b), two, inner, inner),
        )

    return st.recursive(st.sampled_from(LEAVES), grown, max_leaves=6)
