"""Prints a token of the local issuer: `python -m fleet.issuer [ROLE [CUSTOMER]]`.

It stands in for an identity provider. The fleet of the same data folder believes it, unless it has
a provider (OIDC_ISSUER) or ENVIRONMENT=production.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import jwt

from chassis.auth import LOCAL_AUDIENCE, LOCAL_ISSUER, LOCAL_KEY
from chassis.callers import ROLES
from chassis.tokens import ALGORITHM, Misconfigured, private_key

from .settings import Settings

# A day's work.
LIFE_SECONDS = 12 * 3600


def token(keys: Path, role: str, subject: str, life: int = LIFE_SECONDS) -> str:
    """Raises Misconfigured where no fleet has made its keys yet."""
    now = int(time.time())
    claims = {
        "iss": LOCAL_ISSUER,
        "aud": LOCAL_AUDIENCE,
        "sub": subject,
        "roles": [role],
        "iat": now,
        "exp": now + life,
    }
    return jwt.encode(claims, private_key(keys / f"{LOCAL_KEY}.key"), ALGORITHM)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="make token", description=__doc__)
    parser.add_argument("role", nargs="?", help=", ".join(ROLES))
    parser.add_argument("customer", nargs="?", help="the id of who it is for")
    options = parser.parse_args(arguments)
    role = options.role or "admin"
    if role not in ROLES:
        sys.exit(f"ROLE={role} is no role. Choose one of: {', '.join(ROLES)}.")
    if role == "customer" and not options.customer:
        sys.exit("Which one? make token ROLE=customer CUSTOMER=…, the customer's id")
    try:
        subject = str(UUID(options.customer)) if options.customer else role
    except ValueError:
        sys.exit(f"CUSTOMER={options.customer} is not the id of a customer, which is a UUID.")
    settings = Settings.from_environment(os.environ)
    try:
        print(token(settings.keys, role, subject))
    except Misconfigured as error:
        sys.exit(f"{error}. Start the fleet once: make up")
    if not options.role:
        hours = LIFE_SECONDS // 3600
        print(f"An admin's, for {hours} hours. Others: ROLE=staff, customer", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
