"""Transaction scripts: one call is one transaction; the actor comes first; deny by default."""
