"""Deletes open carts that nobody has changed for CART_DAYS. Checked-out carts stay."""

from typing import Any

from chassis.app import Context

# `touched_at` is indexed; `updated_at` is not, because each change of a cart would change the
# index. So a cart that is due by `touched_at` may still be in use: then its `touched_at` is set
# anew.
DUE = """
SELECT cart_id, updated_at < now() - make_interval(days => $1) AS forgotten
  FROM cart.carts
 WHERE status <> 'checked_out' AND touched_at < now() - make_interval(days => $1)
 ORDER BY touched_at LIMIT 50
   FOR UPDATE SKIP LOCKED
"""

IN_USE = "UPDATE cart.carts SET touched_at = updated_at WHERE cart_id = ANY ($1)"

FORGET_LINES = "DELETE FROM cart.cartlines WHERE cart_id = ANY ($1)"
FORGET = "DELETE FROM cart.carts WHERE cart_id = ANY ($1)"


async def forget_untouched(context: Context) -> int:
    """The sweep: one batch of carts that are due. Returns how many were looked at."""
    async with context.database.unit_of_work() as db:
        due = await db.fetch(DUE, context.settings.cart_days)
        of: dict[bool, list[Any]] = {True: [], False: []}
        for cart in due:
            of[cart["forgotten"]].append(cart["cart_id"])
        await db.execute(IN_USE, of[False])
        await db.execute(FORGET_LINES, of[True])
        await db.execute(FORGET, of[True])
    return len(due)
