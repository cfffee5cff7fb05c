"""Outside code: functions that are given for the ``extern`` names of a model, their values and derivatives."""
