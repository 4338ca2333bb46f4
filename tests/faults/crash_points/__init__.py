"""Every point at which a purchase can be cut off, and every way in which it can: `python -m
tests.faults.crash_points`.

A purchase is watched on every link of a running fleet: each request passed on, each answer, each
commit is an event. Then it is made again and again, each time with one fault at one event, and
has to end as if nothing had happened.
"""
