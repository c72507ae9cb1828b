"""The stages that pipeline.py strings together, each a module: what wires the rooms below, and nothing else.

measured: read, measure, compare, the only one that takes time. decided, deciding: what follows from that and from the
user's decisions. inputs: an analysis as plan and export want it. exposures, selection: what an export trains on.
"""
