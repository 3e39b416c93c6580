"""Readers of instance files, one file each."""
