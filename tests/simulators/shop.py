"""A page of ours that sells something with Stripe.js, for a browser to visit."""

import pathlib

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

needs_chromium = pytest.mark.skipif(
    not pathlib.Path(CHROMIUM).exists(),
    reason=f"NOT TESTED: there is no {CHROMIUM}, so nothing is known about the browser side",
)

SHOP = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<h1>Shop</h1><div id="card"></div><p id="result"></p>
<script src="%s/dahlia/stripe.js"></script><script src="/shop.js"></script></html>"""

# Every promise ends in #result, so that a test can wait for it.
SCRIPT = """
const stripe = Stripe(%s);
let elements, card;
function mount(type, options, look) {
  elements = stripe.elements(options);
  card = elements.create(type, look);
  for (const name of ["ready", "change", "focus", "blur"]) {
    card.on(name, (event) => {
      document.body.dataset[name] = name === "change" ? String(event.complete) : "yes";
    });
  }
  card.mount("#card");
}
function report(promise) {
  document.querySelector("#result").textContent = "";
  promise.then(
    (value) => { document.querySelector("#result").textContent = JSON.stringify(value); },
    (error) => { document.querySelector("#result").textContent = JSON.stringify(
      { thrown: error.message }); }
  );
}
"""
