"""One file for each command of ``docexp data``: ``run(words, project)`` gives the exit status."""
