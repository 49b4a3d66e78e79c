"""Looking at pictures in processes of their own: limited, replaceable, without keys or database.

A picture is whatever somebody pointed a camera at, or crafted. Whoever decodes it must be able to
die of it alone: so :mod:`child` gets bytes on its standard input and answers on its standard
output, under limits of memory and time, and :class:`~backend.vision.workers.worker.Worker` starts
another when it ends.
"""
