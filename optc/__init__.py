"""optc: a declarative language and compiler for optimisation with leaders, followers, players and nature."""

__version__ = "0.1.0"
