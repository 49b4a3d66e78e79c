"""How tables came to be (Alembic). ``versions`` holds one module a step, oldest first."""
