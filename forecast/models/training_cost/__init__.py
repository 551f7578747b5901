"""What frontier training runs cost, by date and rule of selection."""
