"""Recorded event sets, played again in ten thousand orders; and changes that cost what was quoted."""
