"""What new numbers did to every answer, and what coming ones could do."""
