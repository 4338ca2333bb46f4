"""What the catalogue says about a product now."""

from chassis import Peer, Problem

from .schemas import Offer, Offers


class UnknownSku(Problem, status=422):
    """Some of these products are not on sale.

    Leave out what skus names: it is unknown, or withdrawn.
    """

    skus: list[str]
    """The products that this is about."""
    sku: str | None = None


async def offer_of(catalogue: Peer, sku: str) -> Offer:
    """Raises UnknownSku, for a withdrawn product too, and DependencyUnavailable."""
    answer = await catalogue.get("/products", [("sku", sku)])
    if not answer.ok:
        raise answer.unexpected()
    for offer in answer.read(Offers).items:
        if offer.sku == sku and offer.active:
            return offer
    raise UnknownSku(f"No product with the SKU {sku} is on sale.", sku=sku, skus=[sku])
