/*
 * The card form: the number is typed into the provider's own frame and goes to the provider.
 * Our form carries a reference to it, nothing else. Every form still works without this script,
 * except the one that holds the frame. With data-setup (an address of ours) the card is not charged
 * but prepared for later, which may make its bank ask something.
 */
"use strict";

(() => {
  const LOAD_TIMEOUT_MS = 15000;
  const form = document.querySelector("[data-card-form]");
  if (!form) return;

  const section = form.querySelector("[data-element]");
  const divider = document.querySelector("[data-or]");
  const unavailable = form.querySelector("[data-no-element]");
  const box = form.querySelector("#card-element");
  const field = form.querySelector("[data-card-field]");
  const problem = form.querySelector("#card-error");
  const button = form.querySelector("[data-pay]");
  const progress = form.querySelector("[data-progress]");
  const holder = form.querySelector("#cardholder");
  const label = button.textContent;
  const isSetup = "setup" in form.dataset;
  let isBusy = false;
  let isReady = false;

  /* Either the provider's field, or word that it is missing. */
  const offer = (isOffered) => {
    section.hidden = !isOffered;
    if (divider) divider.hidden = !isOffered;
    unavailable.hidden = isOffered;
  };

  const show = (message) => {
    problem.textContent = message;
    field.classList.toggle("field--error", Boolean(message));
  };

  const setBusy = (busy) => {
    isBusy = busy;
    button.disabled = busy;
    button.classList.toggle("is-busy", busy);
    button.setAttribute("aria-busy", String(busy));
    button.textContent = busy ? (isSetup ? "Adding…" : "Paying…") : label;
    const what = isSetup ? "Your card is being added." : "Your payment is on its way.";
    progress.textContent = busy ? `${what} Please wait.` : "";
  };

  /* The frame can't see our style sheet: it is told how a field of ours looks right now. */
  const looks = () => {
    const style = getComputedStyle(document.documentElement);
    const token = (name) => style.getPropertyValue(name).trim();
    return {
      base: {
        color: token("--text"),
        fontFamily: getComputedStyle(holder).fontFamily,
        fontSize: "16px",
        iconColor: token("--muted"),
        "::placeholder": { color: token("--muted") },
      },
      invalid: { color: token("--danger"), iconColor: token("--danger") },
    };
  };

  document.querySelector("[data-refusal]")?.focus();

  if (typeof window.Stripe !== "function") {
    offer(false);
    return;
  }

  offer(true);
  const stripe = window.Stripe(form.dataset.publishableKey);
  const card = stripe.elements().create("card", { style: looks(), hidePostalCode: true });
  const deadline = setTimeout(() => offer(false), LOAD_TIMEOUT_MS);
  card.on("ready", () => {
    isReady = true;
    clearTimeout(deadline);
    offer(true);
    button.disabled = isBusy;
  });
  card.on("focus", () => box.classList.add("is-focused"));
  card.on("blur", () => box.classList.remove("is-focused"));
  card.on("change", (event) => show(event.error ? event.error.message : ""));
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
    if (isBusy || !isReady) return;
    setBusy(true);
    show("");
    const details = { email: form.dataset.email };
    if (holder.value.trim()) details.name = holder.value.trim();
    let made;
    try {
      made = await (isSetup ? setUp(details) : tokenize(details));
    } catch {
      made = { error: { message: "The connection failed. Please try again." } };
    }
    if (made.error) {
      setBusy(false);
      show(made.error.message);
      return;
    }
    form.elements.payment_method.value = made.id;
    HTMLFormElement.prototype.submit.call(form);
  });

  /* Back from the next page: a form is sent once, so a fresh one is needed. */
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
