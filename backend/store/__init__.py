"""SQLAlchemy Core tables, queries and migrations: the only place that speaks SQL."""
