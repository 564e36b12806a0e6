"""Image tokenizers: discrete VAEs that turn a page's image into a grid of codes, the targets of MIM."""
