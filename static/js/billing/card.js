/*
 * The card form: the number is typed into the provider's own frame and goes to the provider.
 * Our form carries a reference to it, nothing else. Every form still works without this script,
 * except the one that holds the frame. With data-setup (an address of ours) the card is not charged
 * but prepared for later, which may make its bank ask something.
 */
"use strict";

(() => {
  const form = document.querySelector("[data-card-form]");
  if (!form) return;

  const isSetup = "setup" in form.dataset;
  const page = window.cardForm(form, {
    label: isSetup ? "Adding…" : "Paying…",
    words: isSetup ? "Your card is being added." : "Your payment is on its way.",
  });
  const { box, holder } = page;
  let isReady = false;

  const looks = () => {
    const { colour, family } = page.looks();
    return {
      base: {
        color: colour("--text"),
        fontFamily: family,
        fontSize: "16px",
        iconColor: colour("--muted"),
        "::placeholder": { color: colour("--muted") },
      },
      invalid: { color: colour("--danger"), iconColor: colour("--danger") },
    };
  };

  if (typeof window.Stripe !== "function") {
    page.offer(false);
    return;
  }

  const isThere = page.expectFrame();
  const stripe = window.Stripe(form.dataset.publishableKey);
  const card = stripe.elements().create("card", { style: looks(), hidePostalCode: true });
  card.on("ready", () => {
    isReady = true;
    isThere();
  });
  card.on("focus", () => box.classList.add("is-focused"));
  card.on("blur", () => box.classList.remove("is-focused"));
  card.on("change", (event) => page.show(event.error ? event.error.message : ""));
  box.textContent = "";
  card.mount(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    card.update({ style: looks() });
  });

  /* Both return {id} or {error}. */
  const tokenize = async (details) => {
    const made = await stripe.createPaymentMethod({
      type: "card",
      card,
      billing_details: details,
    });
    return made.error ? made : made.paymentMethod;
  };

  const setUp = async (details) => {
    const prepared = await fetch(form.dataset.setup, { method: "POST", body: csrfToken() });
    const answer = await prepared.json();
    if (!prepared.ok) return { error: answer };
    const done = await stripe.confirmCardSetup(answer.client_secret, {
      payment_method: { card, billing_details: details },
    });
    return done.error ? done : { id: done.setupIntent.payment_method };
  };

  const csrfToken = () => {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    return body;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (page.isBusy || !isReady) return;
    page.setBusy(true);
    page.show("");
    const details = { email: form.dataset.email };
    if (holder.value.trim()) details.name = holder.value.trim();
    let made;
    try {
      made = await (isSetup ? setUp(details) : tokenize(details));
    } catch {
      made = { error: { message: "The connection failed. Please try again." } };
    }
    if (made.error) {
      page.setBusy(false);
      page.show(made.error.message);
      return;
    }
    page.send({ payment_method: made.id });
  });
})();
