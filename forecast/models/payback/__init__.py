"""Cash of a trillion-dollar programme, and whether it is earned back."""
