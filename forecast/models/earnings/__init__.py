"""What companies report every quarter: capex, revenue and cloud revenue."""
