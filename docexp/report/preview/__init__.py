"""Pages with everything annotated on them, as one HTML file that needs nothing else."""
