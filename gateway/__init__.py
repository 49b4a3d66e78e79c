"""Sleeves to us and back: the device contract, the broker, the link and the ordered pipeline."""
