"""Tables of what was known when: shipped, a user's own, and fetched."""
