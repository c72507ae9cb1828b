"""What fuzz.py is made of: inputs, what they are put into, and the process that they may bring down."""
