"""`python -S healthcheck.py PORT`: exit 0 when the service there is ready.

Started every few seconds in every container, so it imports next to nothing.
"""

import socket
import sys


def is_ready(port: int, seconds: float = 3.0) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            connection.sendall(
                b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            return connection.recv(64).split(b" ")[1] == b"200"
    except (OSError, IndexError):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
