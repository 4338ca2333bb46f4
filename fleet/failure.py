"""The one way in which the fleet gives up."""


class Failure(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""
