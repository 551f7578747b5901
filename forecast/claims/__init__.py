"""Claims as data, and the functions of draws that answer them."""
