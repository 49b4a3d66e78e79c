"""The computer vision of papers: approved pages as references, photographs compared with them.

Pure: bytes in, verdicts out; no database, no clock. Import the modules you need, for each costs
memory: ``reference`` (make, keep), ``facts`` (what a paper says), ``compare`` (is it the approved
page), ``unchanged`` (is it the same sheet after the press), ``reuse`` (was this very sheet used
before), ``crops`` (pictures for an alert). Only ``reader`` loads models, and only when it reads.
"""
