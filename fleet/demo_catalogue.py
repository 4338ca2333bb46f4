"""The demo's products as bodies of the bulk calls: `python3 -m fleet.demo_catalogue stock`.

It needs nothing but Python, so that the curl lines which use it work in any shell.
"""

import json
import sys
from pathlib import Path
from typing import Any

PRODUCTS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)["products"]
ON_HAND = 500

BODIES: dict[str, dict[str, Any]] = {
    "products": {"products": PRODUCTS},
    "stock": {"stock": [{"sku": each["sku"], "quantity": ON_HAND} for each in PRODUCTS]},
    "documents": {"documents": [{**each, "in_stock": True} for each in PRODUCTS]},
}

if __name__ == "__main__":
    print(json.dumps(BODIES[sys.argv[1]]))
