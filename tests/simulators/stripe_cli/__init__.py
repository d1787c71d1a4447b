"""Stripe's own command line against the simulator: a client that nobody here wrote."""
