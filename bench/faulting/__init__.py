"""What bench/faults.py is made of: a small world, the jobs that run in it, kills and faults."""
