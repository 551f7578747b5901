"""The two jobs: a run, and an update."""
