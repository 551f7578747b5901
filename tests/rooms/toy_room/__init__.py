"""A model from outside the package: what a stand sells in a year."""
