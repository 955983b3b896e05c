"""Paths and worlds: which executions of a factory are looked at.

A path is an assignment of decisions. The search starts from one path that the validators accept and that selects this
factory, then flips one decision at a time. A world that a check rejects is repaired by solving the failed condition for
an input, or by deciding its latest open decision otherwise. All budgets are counted in interpreter steps, so that a run
says the same on every machine; CPU time is only the emergency brake.
"""
