/*
 * The card form of a provider whose field is a page of its own in a frame: the number is typed
 * there, and the frame tells us a token and an expiry, nothing else. Other frames and windows may
 * send messages too: only this frame, with this origin, is listened to.
 */
"use strict";

(() => {
  const LOAD_TIMEOUT_MS = 15000;
  /* What the frame attaches to a token (the security code) lives two minutes. */
  const TOKEN_LIFETIME_MS = 115000;
  /* The frame makes its token a moment after the last key. */
  const PATIENCE_MS = 6000;
  const TOKEN = /^9\d{14,18}$/;
  const CHECK = "Please check the card number, the expiry and the security code.";
  const MISSING = "Please enter the card number, the expiry and the security code.";
  const TOO_OLD = "For your security, please enter the card again: two minutes have passed.";

  const form = document.querySelector("[data-token-form]");
  if (!form) return;

  const section = form.querySelector("[data-element]");
  const unavailable = form.querySelector("[data-no-element]");
  const box = form.querySelector("#card-element");
  const field = form.querySelector("[data-card-field]");
  const problem = form.querySelector("#card-error");
  const button = form.querySelector("[data-pay]");
  const progress = form.querySelector("[data-progress]");
  const holder = form.querySelector("#cardholder");
  const label = button.textContent;
  const frame = document.createElement("iframe");
  let card = null; // {token, expiry, madeAt}
  let isBusy = false;
  let isSent = false;
  let patience = null;
  let lifetime = null;

  const show = (message) => {
    problem.textContent = message;
    field.classList.toggle("field--error", Boolean(message));
  };

  const setBusy = (busy) => {
    isBusy = busy;
    button.disabled = busy;
    button.classList.toggle("is-busy", busy);
    button.setAttribute("aria-busy", String(busy));
    button.textContent = busy ? form.dataset.busy : label;
    progress.textContent = busy ? `${form.dataset.busy} Please wait.` : "";
    clearTimeout(patience);
  };

  const offer = (isOffered) => {
    section.hidden = !isOffered;
    unavailable.hidden = isOffered;
  };

  /* The frame can't see our style sheet: it is told how a field of ours looks right now. */
  const address = () => {
    const style = getComputedStyle(document.documentElement);
    const token = (name) => style.getPropertyValue(name).trim();
    const family = getComputedStyle(holder).fontFamily;
    const rules = [
      /* Without a background of its own a light page is opaque in a dark one. */
      `body{color:${token("--text")};background-color:${token("--surface")};`,
      `font-family:${family};}`,
      `label,legend{color:${token("--text")};font-size:15px;padding:0;}`,
      `input,select{color:${token("--text")};background-color:${token("--surface")};`,
      `border:1px solid ${token("--control-line")};border-radius:6px;font-size:16px;`,
      "padding:8px;margin:4px 8px 12px 0;box-sizing:border-box;max-width:100%;}",
      "input{display:block;width:100%;margin-right:0;}",
      `.error{color:${token("--danger")};}`,
    ];
    const url = new URL(form.dataset.frameUrl);
    url.searchParams.set("css", rules.join(""));
    return url.href;
  };

  const forget = () => {
    card = null;
    clearTimeout(lifetime);
  };

  /* What another origin's page holds can't be cleared from here: it begins anew. */
  const startOver = (message) => {
    forget();
    setBusy(false);
    button.disabled = true;
    frame.src = address();
    show(message);
  };

  /* YYYYMM, or YYYYM from January to September, to MMYY; null for anything else. */
  const expiryOf = (text) => {
    const parts = /^(20\d{2})(0?[1-9]|1[0-2])$/.exec(String(text ?? ""));
    return parts && parts[2].padStart(2, "0") + parts[1].slice(2);
  };

  const parse = (data) => {
    if (typeof data !== "string") return null;
    try {
      const message = JSON.parse(data);
      return message && typeof message === "object" ? message : null;
    } catch {
      return null;
    }
  };

  const send = () => {
    if (Date.now() - card.madeAt > TOKEN_LIFETIME_MS) {
      startOver(TOO_OLD);
      return;
    }
    isSent = true;
    clearTimeout(lifetime);
    form.elements.payment_method.value = card.token;
    form.elements.expiry.value = card.expiry;
    HTMLFormElement.prototype.submit.call(form);
  };

  const take = (token, expiry) => {
    forget();
    card = { token, expiry, madeAt: Date.now() };
    lifetime = setTimeout(() => startOver(TOO_OLD), TOKEN_LIFETIME_MS);
    show("");
    if (isBusy) send();
  };

  const refuse = () => {
    forget();
    setBusy(false);
    show(CHECK);
  };

  window.addEventListener("message", (event) => {
    if (event.origin !== form.dataset.frameOrigin || event.source !== frame.contentWindow) return;
    const message = parse(event.data);
    if (!message || isSent) return;
    if ("cardTyping" in message) {
      /* What is being changed is no longer what the token stands for. */
      if (message.cardTyping === true) {
        forget();
        show("");
      }
      return;
    }
    const token = message.token || message.message;
    const expiry = expiryOf(message.expiry);
    if (!message.validationError && TOKEN.test(token) && expiry) take(token, expiry);
    else refuse();
  });

  frame.title = "Secure card form";
  frame.referrerPolicy = "origin";
  const deadline = setTimeout(() => offer(false), LOAD_TIMEOUT_MS);
  frame.addEventListener("load", () => {
    clearTimeout(deadline);
    offer(true);
    button.disabled = isBusy;
  });
  document.querySelector("[data-refusal]")?.focus();
  offer(true);
  frame.src = address();
  box.append(frame);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isBusy || isSent) return;
    setBusy(true);
    show("");
    if (card) {
      send();
      return;
    }
    patience = setTimeout(() => {
      setBusy(false);
      show(MISSING);
    }, PATIENCE_MS);
  });

  /* Back from the next page: a form is sent once, so a fresh one is needed. */
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
})();
