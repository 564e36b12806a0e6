"""Pages on disk: WebDataset tars with an index, reading by offset, and the order over samples."""
