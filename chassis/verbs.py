"""HTTP's methods, as far as anything here serves them (RFC 9110, RFC 5789)."""

# In the order of the header Allow.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# They change nothing, and have no body that anybody would read.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
