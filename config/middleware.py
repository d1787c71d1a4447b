"""Placeholder until the real middleware lands."""
