"""What the command line can do, one file per verb. Nothing heavy is imported before a verb runs."""
