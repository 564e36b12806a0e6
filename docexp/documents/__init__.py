"""What a page is: its record, its geometry, the readers of datasets, the synthetic corpus."""
