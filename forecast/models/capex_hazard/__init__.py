"""Falls of capex after run-ups: the spending clock."""
