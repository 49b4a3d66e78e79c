"""One module a command; the list that the command line knows is in `zhiyin.cli`."""
