"""From verdicts and draws to pages."""
