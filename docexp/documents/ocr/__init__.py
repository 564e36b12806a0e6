"""The output of OCR engines as files hold it: one module for each format, each with its ``FORMAT``."""
