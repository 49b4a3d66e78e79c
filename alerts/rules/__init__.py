"""Rules: pure functions over facts, a family a file; the one ordered list is `registry`."""
