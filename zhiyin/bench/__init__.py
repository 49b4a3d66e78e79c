"""``zhiyin bench``: what the service does a second and an event, beside a floor of the same run."""
