"""Scripts that measure; their figures are read as ratios, they fail nothing."""
