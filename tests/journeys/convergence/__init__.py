"""Recorded event sets, played again in thousands of orders."""
