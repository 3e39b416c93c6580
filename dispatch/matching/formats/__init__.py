"""Files of other programs: each reads a text into a `Problem` and writes a `Plan` in that program's words.

What a format can say and a problem can not hold is refused by name, never left out silently.
"""
