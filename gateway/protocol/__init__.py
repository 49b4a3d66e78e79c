"""The published device contract: what a sleeve and the server say to each other.

This package imports nothing of ours, so that a simulator, a test bench or a maker's tool can take
it as it is. ``docs/protocol.md`` is its explanation, ``docs/asyncapi.yaml`` its machine-readable
form and ``docs/vectors`` its test vectors; the last two are generated from here.
"""
