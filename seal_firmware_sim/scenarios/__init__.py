"""Days in the life of sleeves, honest and cheating: a format, scripts that act them, a player."""
