"""Integrated terminals ("Bolt"): card readers that a shop's server drives over HTTP.

The service asks a reader, a cardholder does something at it, and the money goes the way of any
other authorization of the gateway. The cardholder is a script, or somebody with the reader's page.
"""
