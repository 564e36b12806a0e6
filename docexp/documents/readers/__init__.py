"""One file per dataset: its genuine layout in, pages out."""
