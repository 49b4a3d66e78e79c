"""Ways to reach people: one channel a file, each with the three methods of `base.Channel`."""
