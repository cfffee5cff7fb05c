"""Text .nl files, AMPL's format of problems for solvers, as models with data."""
