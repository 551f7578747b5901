"""Time to the first fall of a price after a run-up."""
