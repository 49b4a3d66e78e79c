"""``zhiyin demo``: a town's day on one clock, with every real part."""
