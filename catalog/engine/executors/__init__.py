"""Executors beyond this process: processes of this machine, and clusters of Dask and of Ray.

All of them run the same packed tasks (``packing``), so that results do not depend on the choice.
Each library is imported in one module.
"""
