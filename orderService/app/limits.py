"""How much of one product a customer may have: for what is scarce, and for who hoards."""

from chassis import Connection, Output, Problem, turns

from .quotes import Quote

# Two orders of one customer count one after the other.
TURNS = "orders.order_turns"

ABOVE = """
SELECT wanted.sku, coalesce(sum(line.quantity), 0) AS ordered
  FROM unnest($2::text[], $3::int[]) AS wanted (sku, quantity)
  LEFT JOIN (SELECT sku, line.quantity
               FROM orders.orders JOIN orders.order_lines line USING (order_id)
              WHERE customer_id = $1 AND status NOT IN ('cancelled', 'refunded')) line
 USING (sku)
 GROUP BY wanted.sku, wanted.quantity
HAVING coalesce(sum(line.quantity), 0) + wanted.quantity > $4
 ORDER BY wanted.sku
"""


class Exceeded(Output):
    """A product, and how much of it the customer would have."""

    sku: str
    ordered: int
    """How many the customer would have."""


class QuantityLimit(Problem, status=409, remembered=False):
    """A customer may have so many of one product, in all of their orders that stand.

    Order fewer of what exceeded names.
    """

    limit: int
    """The largest quantity of one product."""
    exceeded: list[Exceeded]
    """The products of which there would be too many."""


async def check(db: Connection, quote: Quote, most: int | None) -> None:
    """In the unit of work that writes the order. Raises QuantityLimit."""
    if most is None:
        return
    await turns.take(db, TURNS, str(quote.customer_id))
    skus = [line.sku for line in quote.lines]
    quantities = [line.quantity for line in quote.lines]
    above = await db.fetch(ABOVE, quote.customer_id, skus, quantities, most)
    if above:
        raise QuantityLimit(
            limit=most, exceeded=[{"sku": row["sku"], "ordered": row["ordered"]} for row in above]
        )
