"""What companies file and publish: SEC company facts, and earnings releases."""
