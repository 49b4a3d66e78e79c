"""The append-only log: RFC 6962 tree, C2SP formats, export, and a verifier that needs no server.

Nothing is imported here, so that :mod:`backend.ledger.verify` stays usable with the standard
library, ``cbor2`` and ``cryptography`` alone.
"""
