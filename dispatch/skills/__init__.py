"""The living skills record: what each person can do, how surely, and on what evidence."""
