"""Blocks: who decides what, when, knowing what (E04xx)."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


# -------------------------------------------------------------------------------------------------- objectives
MODEL_WITHOUT_OBJECTIVE = _code(
    "E0401",
    "no objective",
    "the model decides `{name}` and has no objective",
    "add `minimize …`, `maximize …` or `satisfy`",
    "A model with decisions says what it wants: `minimize`, `maximize`, or `satisfy` where any feasible point will"
    " do."
    " Players have objectives of their own.\n\n    var x >= 0\n    satisfy\n    subject to x <= 5",
)
BLOCK_WITHOUT_OBJECTIVE = _code(
    "E0402",
    "block without objective",
    "the {kind} `{name}` has no objective",
    "add `minimize …` or `maximize …` to the block",
    "A follower or a player answers by its own objective; without one every answer would be as good as any other.\n\n"
    "    lower f { var y >= 0; subject to y <= x }                  # wrong\n"
    "    lower f { var y >= 0; maximize y; subject to y <= x }      # right",
)
TWO_OBJECTIVES = _code(
    "E0403",
    "two objectives",
    "{block} already has an objective",
    "keep one, or weigh them in one expression",
    "A block has one objective; several aims are weighed in one expression.\n\n"
    "    minimize cost; minimize time      # wrong\n"
    "    minimize cost + 0.1 * time        # right",
)
OBJECTIVE_BESIDE_PLAYERS = _code(
    "E0404",
    "objective beside players",
    "an objective stands beside players, each of which has its own",
    "give it to a player, or put the players into a `lower` block",
    "In a game no one decides for all. A leader above a market writes the market as players inside a `lower`"
    " block.\n\n"
    "    minimize total; player a { … }          # wrong\n"
    "    minimize total; lower market { player a { … } }   # right",
)
NO_OBJECTIVE_AT_ALL = _code(
    "E0405",
    "recourse and first stage without objective",
    "neither the recourse nor the first stage has an objective",
    "give one of them an objective, or write `satisfy` at the top",
    "The worst case of first-stage objective plus recourse objective is optimised; one of the two may be left out,"
    " not both.\n\n    recourse { var y >= 0; subject to y >= xi }               # wrong: nothing is wanted\n"
    "    recourse { var y >= 0; minimize y; subject to y >= xi }   # right",
)
RECOURSE_SENSE = _code(
    "E0406",
    "recourse of the other sense",
    "the recourse is to {inner}, the first stage to {outer}",
    "let both have one sense",
    "The sum of both objectives is optimised, against nature, so they have one sense.\n\n"
    "    minimize f * x; recourse { maximize p * y … }         # wrong\n"
    "    minimize f * x; recourse { minimize -(p * y) … }      # right",
)
# ------------------------------------------------------------------------------------------------------ blocks
SELECTION_WORD = _code(
    "E0408",
    "word before a block",
    "`{word}` does not go with a `{kind}` block",
    "a `lower` block may be `optimistic` or `pessimistic`; nothing else stands there",
    "The optimistic leader gets the follower's best answer for it, the pessimistic one the worst.\n\n"
    "    lower f cautious { … }      # wrong\n    lower f pessimistic { … }   # right",
)
PLAYER_INSIDE_PLAYER = _code(
    "E0409",
    "player inside a player",
    "a player stands inside another player",
    "put it beside the other; a player that others follow holds a `lower` block",
    "Players decide at the same time, side by side.\n\n    player a { player b { … } }           # wrong\n"
    "    player a { … }; player b { … }        # right",
)
SLICE_OR_WHOLE = _code(
    "W0410",
    "own slice or anyone's",
    "`{text}` is read as the block's own, `{full}`; its own indices and the block's run over one set",
    None,
    "In an indexed block a name with its own number of indices is the block's own slice. Where the own index list"
    " repeats"
    " the block's set that is easily confused; with all indices there is no doubt.\n\n"
    "    player firm[i in N] { var x[N]; minimize sum(x[j] for j in N) }      # warned about\n"
    "    player firm[i in N] { var x[N]; minimize sum(x[i, j] for j in N) }   # right",
)
LOWER_CONSTRAINT_WITHOUT_OWN = _code(
    "N0411",
    "lower constraint without lower decisions",
    "`{text}` holds no decision of `{block}`: it forbids decisions above for which the follower has no answer",
    None,
    "Such a constraint is kept. Where it fails the follower has no feasible answer, so the leader may not decide so."
    " A rule that is meant for the leader stands in the leader's own `subject to`.\n\n"
    "    lower f { var y >= 0; minimize y; subject to x <= 5 }     # noted: no `y` in it",
)
NATURE_ALONE = _code(
    "W0407",
    "constraint on nature alone",
    "`{text}` holds no decision: it has to hold for every outcome, and rules out none",
    "to limit the outcomes write it behind `with` under the `uncertain` declaration",
    "A constraint of the model has to hold whatever nature decides; what nature may decide is said where it is"
    " declared.\n\n    uncertain xi[I] in [0, 1]\n    subject to sum(xi[i] for i in I) <= 2         # warned about\n\n"
    "    uncertain xi[I] in [0, 1]\n      with sum(xi[i] for i in I) <= 2             # right",
)
# ------------------------------------------------------------------------------------------------------- duals
DUAL_OF_WHAT = _code(
    "E0412",
    "dual of no constraint",
    "`{text}` names no constraint of a block",
    "write `dual(block.constraint)`, with indices as `dual(block[r].constraint[i])`",
    "`dual(f.c)` is the multiplier of the constraint `c` of the block `f`.\n\n    dual(f.x + 1)   # wrong\n"
    "    dual(f.c1)      # right",
)
DUAL_WITHOUT_BLOCK = _code(
    "E0413",
    "dual without its block",
    "`{name}` is a constraint of a block",
    "write the block before it",
    "Constraints are named within their block; outside it the block's name comes first.\n\n"
    "    dual(c1)            # wrong\n    dual(follower.c1)   # right",
)
DUAL_NESTED = _code(
    "E0414",
    "dual by a path of blocks",
    "`{text}` names a path of blocks",
    "write `dual({block}.…)`: names of blocks are unique",
    "Names of blocks are unique over the model, so one is enough.\n\n    dual(a.b.c1)   # wrong\n"
    "    dual(b.c1)     # right",
)
NO_SUCH_BLOCK = _code(
    "E0415",
    "block not known",
    "`{name}` is no block",
    "name a `lower` block",
    "Before the point stands the name of a block.\n\n    dual(folower.c1)    # wrong\n    dual(follower.c1)   # right",
)
NO_SUCH_CONSTRAINT = _code(
    "E0416",
    "constraint not known",
    "`{block}` has no constraint `{name}`",
    "name one of its constraints; a constraint without a name can be given one",
    "Only named constraints have a dual that can be asked for.\n\n    subject to y <= 5        # nameless\n"
    "    subject to top: y <= 5   # dual(f.top)",
)
DUAL_IN_OWN_BLOCK = _code(
    "E0417",
    "dual inside its own block",
    "`dual({text})` stands inside {block}, whose constraint it is",
    "use it in a block above",
    "A multiplier is known when its block has been answered. Within the block it would be a decision that depends on"
    " the"
    " block's own optimality.\n\n    lower f { … minimize dual(f.c) }    # wrong\n"
    "    minimize dual(f.c)                  # right: the leader's",
)
DUAL_NOT_ALLOWED = _code(
    "E0418",
    "dual out of place",
    "`dual({text})` can not be known here",
    "use duals of `lower` blocks, in the blocks above them",
    "A leader knows the multipliers of its followers. Multipliers of players at the top, of the recourse, and of a"
    " block"
    " beside are not known.\n\n    minimize dual(follower.c1)   # right, in the block that holds `follower`",
)
DUAL_UNDEFINED = _code(
    "E0419",
    "dual that does not exist",
    "`dual({text})` does not exist: the constraint {why}",
    "use duals of continuous blocks, of plain relations",
    "The dual is a derivative of the block's optimal value. With integer decisions, for an indicator or a"
    " complementarity, there is none.\n\n"
    "    lower f { var y integer … subject to c: y >= x }    # dual(f.c) is refused\n"
    "    lower f { var y >= 0 … subject to c: y >= x }       # dual(f.c) is the price of c",
)
DUAL_INDEX_COUNT = _code(
    "E0420",
    "wrong number of indices of a dual",
    "`{name}` takes {wanted}; given: {given}",
    "write the block's indices at the block and the constraint's at the constraint: `dual(f[r].c[i])`",
    "A multiplier has the indices of its constraint, after those of its block.\n\n"
    "    lower f[r in R] { … subject to c[i in I]: … }\n    dual(f.c[i])       # wrong\n"
    "    dual(f[r].c[i])    # right",
)
# ------------------------------------------------------------------------------------------------- uncertainty
MIXED_UNCERTAINTY = _code(
    "E0421",
    "uncertainty mixed with levels",
    "{what} stands in a model with a `{kind}` block, which is not supported",
    "keep uncertainty and levels in separate models",
    "Uncertainty with `lower` or `player` blocks is not supported: what the follower or the players know of nature's"
    " move would have to be said.\n\n    uncertain xi in [0, 1]; lower f { … }      # refused\n"
    "    param xi default 0.5; lower f { … }        # one scenario at a time",
)
RECOURSE_INSIDE_LOWER = _code(
    "E0422",
    "recourse inside a lower block",
    "a `recourse` block stands inside a `lower` block, which is not supported",
    "put the recourse at the top",
    "Wait-and-see decisions of a follower are not supported: what it knows when it decides would have to be said.\n\n"
    "    lower f { … recourse { var y … } }     # refused\n"
    "    recourse { var y … }                   # right, at the top, without `lower`",
)
RECOURSE_INSIDE_RECOURSE = _code(
    "E0423",
    "recourse inside a recourse",
    "a `recourse` block stands inside another, which is not supported",
    "model two stages: here and now, and wait and see",
    "More than two stages are not supported: what is decided here and now, and what is decided when the uncertain"
    " values are known.\n\n    recourse { var y … recourse { var z … } }   # refused\n"
    "    recourse { var y; var z … }                 # right",
)
TWO_RECOURSES = _code(
    "E0425",
    "two recourses",
    "a block has one recourse",
    "put the decisions into one `recourse` block",
    "All wait-and-see decisions are taken together.\n\n    recourse { var y … } recourse { var z … }   # wrong\n"
    "    recourse { var y; var z … }                 # right",
)
RECOURSE_WITHOUT_UNCERTAIN = _code(
    "E0426",
    "recourse without uncertainty",
    "there is a `recourse` block and nothing uncertain",
    "declare what is uncertain with `uncertain`, or move the decisions to the top",
    "A recourse is decided when the uncertain values are known; with none it is part of the first stage.\n\n"
    "    var x; recourse { var y … }                              # wrong\n"
    "    var x; uncertain xi in [0, 1]; recourse { var y … }      # right",
)
RECOURSE_NAMED_OUTSIDE = _code(
    "E0427",
    "recourse decision outside its block",
    "`{name}` is decided in the recourse, too late to be named here",
    "move this into the `recourse` block, or decide here and now",
    "What is decided when the uncertain values are known has no value before.\n\n"
    "    minimize c * x + y; recourse { var y … }                # wrong\n"
    "    minimize c * x; recourse { var y; minimize y … }        # right",
)
UNCERTAIN_NOT_HERE = _code(
    "E0428",
    "uncertain name where data are wanted",
    "`{text}` is uncertain and can not stand in {where}",
    "write it as a constraint, which then holds for every outcome",
    "Bounds, index sets and starts are known before nature decides. In constraints an uncertain name means: for every"
    " outcome.\n\n    var x <= xi             # wrong\n    subject to x <= xi      # right",
)
UNCERTAIN_INSIDE_BLOCK = _code(
    "E0429",
    "uncertain name inside a block",
    "`{name}` is declared uncertain inside a `{kind}` block",
    "declare it at the top",
    "Nature decides between the first stage and the recourse, once.\n\n"
    "    recourse { uncertain xi in [0, 1] … }     # wrong\n    uncertain xi in [0, 1]\n"
    "    recourse { … }                            # right",
)
NATURE_BOUND = _code(
    "E0430",
    "decision in an uncertain bound",
    "the bound `{text}` of the uncertain `{name}` holds a decision",
    "write it as `with …`",
    "Bounds are data; an uncertainty set that depends on decisions is written with `with`.\n\n"
    "    uncertain xi in [0, x]                  # wrong\n    uncertain xi >= 0 with cap: xi <= x     # right",
)
SCENARIOS_ARE_TUPLES = _code(
    "E0431",
    "scenarios that are tuples",
    "the scenarios of `{name}` are tuples, and an outcome is a single member",
    "number the scenarios, and look their parts up in parameters",
    "`uncertain s from Scenarios` is one member, used as an index.\n\n    uncertain s from Pairs            # wrong\n"
    "    uncertain s from 1..n             # right",
)
SCENARIO_WITH_BOUNDS = _code(
    "E0432",
    "scenario with bounds",
    "`{name}` is one member of a set and takes no bounds or domain",
    "leave it out, or filter the set: `from {{s for s in S if …}}`",
    "A scenario is a member of its set.\n\n    uncertain s from S in [0, 1]   # wrong\n"
    "    uncertain s from S             # right",
)
WITH_NOT_RELATION = _code(
    "E0433",
    "`with` that is no relation",
    "`{text}` is no relation",
    "write a relation with `<=`, `>=` or `==`",
    "The lines under `uncertain` bound what nature may do.\n\n    with sum(xi[i] for i in I)             # wrong\n"
    "    with sum(xi[i] for i in I) <= Gamma    # right",
)
WITH_HOLDS_DUAL = _code(
    "E0434",
    "dual in a `with` line",
    "`{text}` holds a dual",
    "use duals in the leader's objective and constraints",
    "Nature's set is made of data, uncertain names and first-stage decisions; a multiplier is known only after all"
    " of these.\n\n    uncertain xi with xi <= dual(f.c)     # wrong",
)
WITH_WITHOUT_UNCERTAIN = _code(
    "E0435",
    "`with` without anything uncertain",
    "`{text}` holds nothing uncertain",
    "move it under `subject to`",
    "The lines under `uncertain` bound what nature may do.\n\n    uncertain xi in [0, 1] with x <= 5     # wrong\n"
    "    subject to x <= 5                      # right",
)
# ---------------------------------------------------------------------------------------- equilibrium, certify
EQUILIBRIUM_WITHOUT_PLAYERS = _code(
    "E0436",
    "equilibrium without players",
    "`equilibrium` speaks of players, and there are none beside it",
    "remove it, or declare the players",
    "The kind of equilibrium is chosen among players that share constraints.\n\n"
    "    minimize x; equilibrium variational                       # wrong: nobody plays\n"
    "    player a { … } player b { … } equilibrium variational     # right",
)
EQUILIBRIUM_KIND = _code(
    "E0437",
    "kind of equilibrium not known",
    "`{word}` is no kind of equilibrium",
    "write `equilibrium variational` or `equilibrium normalised(player = weights)`",
    "Shared constraints mean the variational equilibrium unless Rosen's normalised one is asked for.\n\n"
    "    equilibrium normalised(firm = r)",
)
TWO_EQUILIBRIA = _code(
    "E0438",
    "`equilibrium` twice",
    "the kind of equilibrium is given twice",
    "keep one of the two",
    "A model has one rule for all its players.\n\n    equilibrium variational\n"
    "    equilibrium normalised(firm = r)     # wrong: the second one",
)
WEIGHTS_OF_VARIATIONAL = _code(
    "E0439",
    "weights without normalisation",
    "the variational equilibrium has no weights",
    "write `equilibrium normalised(…)`",
    "Equal multipliers make the variational equilibrium; weights make Rosen's normalised one.\n\n"
    "    equilibrium variational(firm = r)   # wrong\n    equilibrium normalised(firm = r)    # right",
)
NO_SUCH_PLAYER = _code(
    "E0440",
    "player not known",
    "`{name}` is no player here",
    "name a player declared beside `equilibrium`",
    "Weights are given for each player block.\n\n"
    "    equilibrium normalised(firm = r)   # with `player firm[i in N] { … }`",
)
WEIGHT_NOT_PARAMETER = _code(
    "E0441",
    "weights that are no parameter",
    "`{text}` is no parameter, and the weights of `{player}` are given by one",
    "declare `param r[…]` over the player's set and write its name",
    "Weights are data, one a player.\n\n    param r[N]\n    equilibrium normalised(firm = r)",
)
WEIGHT_INDICES = _code(
    "E0442",
    "weights over another set",
    "`{name}` is not declared over the indices of `{player}`",
    "declare the weights over the player's own set",
    "There is one weight for each player.\n\n    player firm[i in N] { … }\n    param r[M]    # wrong\n"
    "    param r[N]    # right",
)
WEIGHT_MISSING = _code(
    "E0443",
    "player without weights",
    "no weights are given for {names}",
    "give every player its weights",
    "Rosen's normalised equilibrium needs a weight for every player.\n\n"
    "    equilibrium normalised(firm = r, buyer = s)",
)
EQUILIBRIUM_IDLE = _code(
    "N0444",
    "equilibrium rule without effect",
    "without shared constraints the kind of equilibrium makes no difference",
    None,
    "The rule selects among the equilibria of a game with shared constraints, by their multipliers. Without any"
    " there is nothing to select.\n\n    player a { … } player b { … }\n"
    "    equilibrium variational              # noted: no `subject to` beside the players",
)
CERTIFY_WHAT = _code(
    "E0445",
    "certificate not known",
    "`{word}` can not be certified",
    "write `certify contraction`",
    "The one property that can be asked for is `contraction`.\n\n    certify contraction on x in [-1, 1]",
)
CERTIFY_NOT_VARIABLE = _code(
    "E0446",
    "region of what is no variable",
    "`{name}` is no variable",
    "name variables, each with an interval",
    "A region bounds decisions, each by an interval.\n\n    certify contraction on x in [-1, 1], y in [-1, 1]",
)
REGION_INDICES = _code(
    "E0447",
    "region with the wrong indices",
    "`{name}` takes {wanted} indices; given: {given}",
    "bind all indices of the variable, the block's first: `q[i in N] in [0, 40]`",
    "Outside its block a name takes all its indices.\n\n    player firm[i in N] { var q … }\n"
    "    certify contraction on q[i in N] in [0, 40]",
)
