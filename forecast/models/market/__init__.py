"""Annual investment, capex and revenue of the article's own table, as one growing market."""
