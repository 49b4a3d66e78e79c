"""One module a capability, each with ``router``; the order is in :mod:`backend.api.app`."""
