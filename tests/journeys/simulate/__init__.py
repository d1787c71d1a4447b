"""Months of many tenants on a virtual clock, reckoned a second time by somebody who saw nothing."""
