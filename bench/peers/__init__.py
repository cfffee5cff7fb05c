"""The models of ``bench/models`` in other systems, a module a system.

A module has a function for each model that it can express, ``basic(n, data)`` and so on: from arrays in memory to the
problem inside HiGHS, or as near as the system comes. ``shape(problem)`` gives columns, rows and non-zeros (None where
the system does not tell), ``optimum(problem)`` solves with a relative gap of zero and gives the objective.
"""
