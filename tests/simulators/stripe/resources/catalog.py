"""/v1/products and /v1/prices."""

from decimal import Decimal, InvalidOperation

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World


def make_product(world: World, params: Params) -> Json:
    """Add a product from the parameters of a product, or of a price's `product_data`."""
    product_id = params.text("id") or ids.new_id("product")
    if world.store.find("product", product_id) is not None:
        raise Refusal(
            "Product already exists.", code="resource_already_exists", param=params.name("id")
        )
    product: Json = {
        "id": product_id,
        "object": "product",
        "active": params.boolean("active", default=True),
        "created": world.now(),
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": params.need("name"),
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": world.now(),
        "url": None,
    }
    _assign_product(product, params)
    return world.add(product, "product.created")


def _assign_product(product: Json, params: Params) -> None:
    for field in ("description", "statement_descriptor", "unit_label", "url", "tax_code"):
        if params.has(field):
            product[field] = params.text(field)
    if params.has("images"):
        product["images"] = params.texts("images")
    if params.has("marketing_features"):
        product["marketing_features"] = [
            {"name": feature.text("name")} for feature in params.each("marketing_features")
        ]
    product["metadata"] = merge_metadata(product["metadata"], params)


@route("POST", "/v1/products")
def create_product(call: Call) -> Json:
    """Create a product, with its default price if one is described."""
    product = make_product(call.world, call.params)
    if call.params.has("default_price_data"):
        price = make_price(
            call.world, call.params.inside("default_price_data"), product=product["id"]
        )
        product["default_price"] = price["id"]
        call.world.touch(product)
    return product


@route("GET", "/v1/products/{}")
def get_product(call: Call) -> Json:
    """Return a product."""
    return call.world.store.get("product", call.id)


@route("POST", "/v1/products/{}")
def update_product(call: Call) -> Json:
    """Change a product."""
    product = call.world.store.get("product", call.id)
    params = call.params
    with call.world.change(product, "product.updated"):
        if params.has("name"):
            product["name"] = params.need("name")
        if params.has("active"):
            product["active"] = params.boolean("active")
        if params.has("default_price"):
            price_id = params.text("default_price")
            if price_id is not None:
                call.world.store.get("price", price_id, param="default_price")
            product["default_price"] = price_id
        _assign_product(product, params)
        product["updated"] = call.world.now()
    return product


@route("DELETE", "/v1/products/{}")
def delete_product(call: Call) -> Json:
    """Delete a product that has no prices."""
    product = call.world.store.get("product", call.id)
    if any(True for _ in call.world.store.where("price", "product", call.id)):
        raise Refusal(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    call.world.store.remove("product", call.id)
    call.world.emit("product.deleted", product)
    return {"id": call.id, "object": "product", "deleted": True}


@route("GET", "/v1/products")
def list_products(call: Call) -> Json:
    """Return products, by activity or by ids."""
    params = call.params
    wanted = params.texts("ids")
    active = params.boolean("active") if params.has("active") else None
    found = [
        row
        for row in call.world.store.rows("product")
        if active in (None, row["active"]) and (not wanted or row["id"] in wanted)
    ]
    return listing(call, found, kind="product")


@route("GET", "/v1/products/{}/features")
def list_product_features(call: Call) -> Json:
    """Return the features of a product: the simulator has none."""
    call.world.store.get("product", call.id)
    return listing(call, [], kind="product_feature")


def _unit_amount(params: Params) -> tuple[int | None, str | None]:
    whole, exact = params.integer("unit_amount"), params.text("unit_amount_decimal")
    if exact is None:
        return whole, None if whole is None else str(whole)
    try:
        value = Decimal(exact)
    except InvalidOperation:
        raise Refusal(
            f"Invalid decimal: {exact}", param=params.name("unit_amount_decimal")
        ) from None
    return (int(value) if value == value.to_integral_value() else None), exact


def _recurring(params: Params) -> Json | None:
    given = params.inside("recurring")
    if not given.data:
        return None
    return {
        "interval": given.choice("interval", ("day", "week", "month", "year"), "")
        if given.has("interval")
        else given.need("interval"),
        "interval_count": given.integer("interval_count") or 1,
        "meter": given.text("meter"),
        "trial_period_days": None,
        "usage_type": given.choice("usage_type", ("licensed", "metered"), "licensed"),
    }


def _tiers(params: Params) -> list[Json] | None:
    if not params.has("tiers"):
        return None
    tiers = []
    for tier in params.each("tiers"):
        unit, exact = _unit_amount(tier)
        up_to = tier.need("up_to")
        flat = tier.integer("flat_amount")
        tiers.append(
            {
                "flat_amount": flat,
                "flat_amount_decimal": None if flat is None else str(flat),
                "unit_amount": unit,
                "unit_amount_decimal": exact,
                "up_to": None if up_to == "inf" else int(up_to),
            }
        )
    return tiers


def make_price(world: World, params: Params, *, product: str) -> Json:
    """Add a price from the parameters of a price, or of `price_data`."""
    unit, exact = _unit_amount(params)
    tiers = _tiers(params)
    if unit is None and exact is None and tiers is None:
        raise missing(params.name("unit_amount"))
    recurring = _recurring(params)
    price = {
        "id": ids.new_id("price"),
        "object": "price",
        "active": params.boolean("active", default=True),
        "billing_scheme": params.choice("billing_scheme", ("per_unit", "tiered"), "per_unit"),
        "created": world.now(),
        "currency": params.need("currency").lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": _free_lookup_key(world, params),
        "metadata": merge_metadata({}, params),
        "nickname": params.text("nickname"),
        "product": product,
        "recurring": recurring,
        "tax_behavior": params.text("tax_behavior") or "unspecified",
        "tiers": tiers,
        "tiers_mode": params.text("tiers_mode"),
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": unit,
        "unit_amount_decimal": exact,
    }
    return world.add(price, "price.created")


def _free_lookup_key(world: World, params: Params) -> str | None:
    key = params.text("lookup_key")
    transfer = params.boolean("transfer_lookup_key")
    holder = next(world.store.where("price", "lookup_key", key), None) if key else None
    if holder is not None and not transfer:
        raise Refusal(
            f"A price (`{holder['id']}`) already uses that lookup key.",
            code="resource_already_exists",
            param=params.name("lookup_key"),
        )
    if holder is not None:
        with world.change(holder, "price.updated"):
            holder["lookup_key"] = None
    return key


@route("POST", "/v1/prices")
def create_price(call: Call) -> Json:
    """Create a price, with its product if that is described."""
    params = call.params
    if params.has("product_data"):
        return make_price(
            call.world,
            params,
            product=make_product(call.world, params.inside("product_data"))["id"],
        )
    product_id = params.need("product")
    call.world.store.get("product", product_id, param="product")
    return make_price(call.world, params, product=product_id)


@route("GET", "/v1/prices/{}")
def get_price(call: Call) -> Json:
    """Return a price."""
    return call.world.store.get("price", call.id)


@route("POST", "/v1/prices/{}")
def update_price(call: Call) -> Json:
    """Change what may be changed of a price: never its amount."""
    price = call.world.store.get("price", call.id)
    params = call.params
    lookup_key = price["lookup_key"]
    if params.has("lookup_key") and params.text("lookup_key") != lookup_key:
        lookup_key = _free_lookup_key(call.world, params)
    with call.world.change(price, "price.updated"):
        if params.has("active"):
            price["active"] = params.boolean("active")
        if params.has("nickname"):
            price["nickname"] = params.text("nickname")
        price["lookup_key"] = lookup_key
        price["metadata"] = merge_metadata(price["metadata"], params)
    return price


@route("GET", "/v1/prices")
def list_prices(call: Call) -> Json:
    """Return prices by lookup key, product, activity, currency and type."""
    params, store = call.params, call.world.store
    keys = params.texts("lookup_keys")
    filters = {name: params.text(name) for name in ("product", "currency", "type")}
    active = params.boolean("active") if params.has("active") else None
    found = [
        row
        for row in store.rows("price")
        if (not keys or row["lookup_key"] in keys)
        and active in (None, row["active"])
        and all(value in (None, row[name]) for name, value in filters.items())
    ]
    return listing(call, found, kind="price")


@includable("price", "tiers")
def _shown_tiers(world: World, price: Json) -> object:
    return price["tiers"]


@includable("price", "currency_options")
def _currency_options(world: World, price: Json) -> object:
    return {
        price["currency"]: {
            "custom_unit_amount": None,
            "tax_behavior": price["tax_behavior"],
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    }
