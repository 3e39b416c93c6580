"""How a plan is found: a quick first plan, ruin and recreate on flat arrays, and routes recombined by CP-SAT."""
