"""A user's own spreadsheet: where its figures stand, and what its words mean."""
