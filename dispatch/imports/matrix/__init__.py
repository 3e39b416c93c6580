"""Skill matrices of other systems: a row a person and a column a skill, or rows of person, skill and level."""
