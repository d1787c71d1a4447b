/*
 * Follows a checkout until its stage changes, then shows the page of the next stage. What counts
 * is the server's state; nothing here decides anything. On the way it runs the bank's question.
 */
"use strict";

(() => {
  const FIRST_PAUSE_MS = 2000;
  const LONGEST_PAUSE_MS = 10000;
  const LONG_MS = 60000;
  const place = document.querySelector("[data-wait]");
  if (!place) return;

  const line = place.querySelector("[data-announce]");
  const announce = (text) => {
    if (line && line.textContent !== text) line.textContent = text;
  };
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  const currentStage = async () => {
    try {
      const answer = await fetch(place.dataset.state, { headers: { Accept: "application/json" } });
      return answer.ok ? (await answer.json()).stage : null;
    } catch {
      return null; // offline for a moment: asked again
    }
  };

  const follow = async () => {
    const began = Date.now();
    let pause = FIRST_PAUSE_MS;
    let isLong = false;
    for (;;) {
      await wait(pause);
      const stage = await currentStage();
      if (stage !== null && stage !== place.dataset.wait) {
        announce(stage === "succeeded" ? "Done. One moment…" : "There is news. One moment…");
        window.location.replace(window.location.pathname);
        return;
      }
      if (!isLong && Date.now() - began > LONG_MS) {
        isLong = true;
        announce(
          "This takes longer than usual. You can close this page; we’ll mail you as soon as it is decided.",
        );
      }
      pause = Math.min(LONGEST_PAUSE_MS, pause * 1.3);
    }
  };

  if (!("bank" in place.dataset)) {
    follow();
    return;
  }

  const start = place.querySelector("[data-bank-start]");
  const confirmed = place.querySelector("[data-confirmed]");
  start.hidden = false;

  if (typeof window.Stripe !== "function") {
    start.hidden = true;
    announce("Your bank’s question could not be loaded. Reload the page, or pay on Stripe’s own page.");
    return;
  }
  const stripe = window.Stripe(place.dataset.publishableKey);

  /* The answer was given to the bank: have the server look, then follow its state. */
  const tellServer = async () => {
    try {
      await fetch(confirmed.action, {
        method: "POST",
        body: new FormData(confirmed),
        redirect: "manual",
      });
    } catch {
      /* the provider's webhook tells it as well */
    }
  };

  const setBusy = (busy) => {
    start.disabled = busy;
    start.classList.toggle("is-busy", busy);
    start.setAttribute("aria-busy", String(busy));
  };

  const ask = async () => {
    setBusy(true);
    announce("Opening your bank’s question…");
    let result;
    try {
      result = await stripe.handleNextAction({ clientSecret: place.dataset.clientSecret });
    } catch {
      result = { error: { type: "api_connection_error" } };
    }
    if (result.error && result.error.type === "api_connection_error") {
      setBusy(false);
      announce("Your bank’s question could not be opened. Please try again.");
      return;
    }
    announce("Thank you. Checking with your bank…");
    await tellServer();
    const stage = await currentStage();
    if (stage !== null && stage !== place.dataset.wait) {
      window.location.replace(window.location.pathname);
      return;
    }
    follow();
  };

  start.addEventListener("click", ask);
  ask();
})();
