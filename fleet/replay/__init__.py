"""Drives the public Online Retail file through a running fleet, as its customers would.

A real year of a British wholesaler: Chen, D. (2015), Online Retail, UCI Machine Learning
Repository, https://doi.org/10.24432/C5BW33 (CC BY 4.0).
"""
