"""The front door: settings, wiring, the command line and the all-in-one supervisor."""

__version__ = "0.1.0"
