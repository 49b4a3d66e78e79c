"""A local stand-in for every service that channels talk to, for the demo and for tests.

It verifies what the real services verify (signatures, tokens, times), answers as they answer
(errors in HTTP 200), can be told to fail, and keeps what it took, to be looked at.
"""

from alerts.channels.standin.book import Received
from alerts.channels.standin.credentials import settings_for
from alerts.channels.standin.server import Standin
from alerts.channels.standin.smtp import StandinSmtp

__all__ = ["Received", "Standin", "StandinSmtp", "settings_for"]
