"""The parts of bench/repetition.py: digits, a tiny diffusion model, LoRA on a few of them, and the tables."""
