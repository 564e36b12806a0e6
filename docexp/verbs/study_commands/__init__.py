"""One file for each command of ``docexp study``: ``run(words, project)`` gives the exit status."""
