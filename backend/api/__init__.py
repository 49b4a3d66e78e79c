"""The JSON API: parses, dispatches to services, answers. Deny by default."""
