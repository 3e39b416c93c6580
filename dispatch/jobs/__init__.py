"""What was asked and what was promised."""
