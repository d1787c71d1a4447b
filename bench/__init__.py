"""Benchmarks: what our paths cost beside the limit of the database and beside our peers.

Every baseline and every path of ours runs in turn, several rounds, on one real PostgreSQL that
syncs to disk. Ratios within one run are what counts: absolute figures drift from machine to
machine and from hour to hour. See `docs/performance.md`.
"""
