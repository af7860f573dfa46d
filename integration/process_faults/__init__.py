"""Faults on the processes of a tunnel: what each may break, and the proof that it breaks nothing else."""
