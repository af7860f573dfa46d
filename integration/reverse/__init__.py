"""Acceptance cases of the reverse tunnel, RT1."""
