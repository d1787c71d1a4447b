"""Processes that die at every seam, networks that fail, rivals: and nobody is charged twice."""
