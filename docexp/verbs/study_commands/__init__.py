"""The commands of ``docexp study``, one file each."""
