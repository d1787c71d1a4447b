"""Payments in person while lines are cut, processes die and tills are switched off."""
