// Buys something through the generated TypeScript types. Type-checked strictly, then run:
// node purchase.js URLS, where URLS is a JSON object: the address of each service by its name.

import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";

import type { paths as Cart } from "./generated/cart.js";
import type { paths as Catalogue } from "./generated/product_catalogue.js";
import type { paths as Customers } from "./generated/customer.js";
import type { paths as Fulfilments } from "./generated/fulfilment.js";
import type { paths as Ledger } from "./generated/transaction.js";
import type { paths as Orders } from "./generated/order.js";
import type { paths as Payments } from "./generated/payment.js";
import type { paths as Search } from "./generated/search.js";
import type { paths as Shipping } from "./generated/shipping.js";
import type { paths as Warehouse } from "./generated/warehouse.js";

const urls = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;

function at(service: string): { baseUrl: string } {
  const baseUrl = urls[service];
  if (baseUrl === undefined) throw new Error(`no address of ${service}`);
  return { baseUrl };
}

function expect<T>(answer: { data?: T; error?: unknown }): NonNullable<T> {
  if (answer.data === undefined || answer.data === null) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data;
}

const sku = `CLIENT-${randomUUID().slice(0, 12)}`;

const catalogue = createClient<Catalogue>(at("product_catalogue"));
expect(
  await catalogue.POST("/products", {
    body: { sku, name: "Green tea, 100 g", price: "6.90", currency: "EUR" },
  }),
);

const warehouse = createClient<Warehouse>(at("warehouse"));
expect(
  await warehouse.PUT("/stock/{sku}", { params: { path: { sku } }, body: { quantity: 10 } }),
);

const search = createClient<Search>(at("search"));
expect(
  await search.PUT("/index/{sku}", {
    params: { path: { sku } },
    body: { name: "Green tea, 100 g", price: "6.90", currency: "EUR" },
  }),
);
const found = expect(await search.GET("/search", { params: { query: { q: sku.toLowerCase() } } }));
if (found.items[0]?.sku !== sku) throw new Error("not found by its SKU");

const customers = createClient<Customers>(at("customer"));
const customer = expect(
  await customers.POST("/customers", {
    body: {
      email: `${sku.toLowerCase()}@example.org`,
      name: "Ada",
      address: { line1: "12 High Street", city: "Hong Kong", country: "HK" },
    },
  }),
);

const carts = createClient<Cart>(at("cart"));
const cart = expect(await carts.POST("/carts", { body: { customer_id: customer.customer_id } }));
expect(
  await carts.POST("/carts/{cart_id}/items", {
    params: { path: { cart_id: cart.cart_id }, header: { "Idempotency-Key": "add-1" } },
    body: { sku, quantity: 2 },
  }),
);

const orders = createClient<Orders>(at("order"));
const order = expect(
  await orders.POST("/orders", {
    body: { customer_id: customer.customer_id, cart_id: cart.cart_id, expected_total: "13.80" },
  }),
);

const payments = createClient<Payments>(at("payment"));
const method = { type: "card", token: "tok_ok" } as const;
const { order_id, currency } = order;
const wrong = await payments.POST("/payments", {
  body: { order_id, amount: "1.00", currency, method },
});
// The problem is told by its type, and then has its own members.
if (wrong.error?.type !== "/problems/amount-mismatch") throw new Error("a wrong amount was taken");
const payment = expect(
  await payments.POST("/payments", {
    body: { order_id, amount: wrong.error.expected, currency, method },
  }),
);
if (payment.status !== "captured") throw new Error(payment.status);

const ledger = createClient<Ledger>(at("transaction"));
expect(await ledger.POST("/transactions", { body: { order_id, amount: order.total, currency } }));

const fulfilments = createClient<Fulfilments>(at("fulfilment"));
expect(await fulfilments.POST("/fulfilments", { body: { order_id } }));
const shipped = expect(
  await orders.GET("/orders/{order_id}", { params: { path: { order_id } } }),
);
if (shipped.status !== "fulfilled") throw new Error(shipped.status);

const shipping = createClient<Shipping>(at("shipping"));
const parcels = expect(await shipping.GET("/shipments", { params: { query: { order_id } } }));
if (parcels.items.length !== 1) throw new Error("no parcel");

const page = expect(
  await orders.GET("/orders", {
    params: { query: { customer_id: customer.customer_id, limit: 1 } },
  }),
);
if (page.items.length !== 1 || page.next_cursor !== null) throw new Error("a list of one");

console.log(`bought ${order_id}`);
