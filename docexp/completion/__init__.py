"""What a shell can complete: words of the command line, without importing torch or composing anything."""
