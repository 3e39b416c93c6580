"""The built-in demo organisation: generated, seeded, relative to the day it is loaded."""
