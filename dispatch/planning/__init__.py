"""What was decided and what happened."""
