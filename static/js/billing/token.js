/*
 * The card form of a provider whose field is a page of its own in a frame: the number is typed
 * there, and the frame tells us a token and an expiry, nothing else. Other frames and windows may
 * send messages too: only this frame, with this origin, is listened to.
 */
"use strict";

(() => {
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

  const page = window.cardForm(form, { label: form.dataset.busy, words: form.dataset.busy });
  const { show } = page;
  const frame = document.createElement("iframe");
  let card = null; // {token, expiry, madeAt}
  let isSent = false;
  let patience = null;
  let lifetime = null;

  const setBusy = (busy) => {
    page.setBusy(busy);
    clearTimeout(patience);
  };

  const address = () => {
    const { colour, family } = page.looks();
    const rules = [
      /* Without a background of its own a light page is opaque in a dark one. */
      `body{color:${colour("--text")};background-color:${colour("--surface")};`,
      `font-family:${family};}`,
      `label,legend{color:${colour("--text")};font-size:15px;padding:0;}`,
      `input,select{color:${colour("--text")};background-color:${colour("--surface")};`,
      `border:1px solid ${colour("--control-line")};border-radius:6px;font-size:16px;`,
      "padding:8px;margin:4px 8px 12px 0;box-sizing:border-box;max-width:100%;}",
      "input{display:block;width:100%;margin-right:0;}",
      `.error{color:${colour("--danger")};}`,
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
    page.button.disabled = true;
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
    page.send({ payment_method: card.token, expiry: card.expiry });
  };

  const take = (token, expiry) => {
    forget();
    card = { token, expiry, madeAt: Date.now() };
    lifetime = setTimeout(() => startOver(TOO_OLD), TOKEN_LIFETIME_MS);
    show("");
    if (page.isBusy) send();
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
  frame.addEventListener("load", page.expectFrame());
  frame.src = address();
  page.box.append(frame);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (page.isBusy || isSent) return;
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
})();
