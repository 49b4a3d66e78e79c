"""Helpers of the tests: real servers started for one test run, and what a machine can do."""
