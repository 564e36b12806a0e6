"""Handing runs to a Slurm cluster."""
