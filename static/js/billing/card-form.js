/*
 * What the card forms of all providers share: they show the provider's frame, or word that it is
 * missing, say that they are at work, and are sent once. Loaded before the script of a provider.
 */
"use strict";

/* `label` stands on the button and `words` are read out while the form is at work. */
window.cardForm = (form, { label, words }) => {
  const LOAD_TIMEOUT_MS = 15000;
  const section = form.querySelector("[data-element]");
  const divider = document.querySelector("[data-or]");
  const unavailable = form.querySelector("[data-no-element]");
  const field = form.querySelector("[data-card-field]");
  const problem = form.querySelector("#card-error");
  const button = form.querySelector("[data-pay]");
  const progress = form.querySelector("[data-progress]");
  const holder = form.querySelector("#cardholder");
  const idleLabel = button.textContent;

  const page = {
    box: form.querySelector("#card-element"),
    button,
    holder,
    isBusy: false,

    /* Either the provider's field, or word that it is missing. */
    offer(isOffered) {
      section.hidden = !isOffered;
      if (divider) divider.hidden = !isOffered;
      unavailable.hidden = isOffered;
    },

    /* Offers the field until it fails to load in time; returns what to call once it is there. */
    expectFrame() {
      const deadline = setTimeout(() => page.offer(false), LOAD_TIMEOUT_MS);
      page.offer(true);
      return () => {
        clearTimeout(deadline);
        page.offer(true);
        button.disabled = page.isBusy;
      };
    },

    show(message) {
      problem.textContent = message;
      field.classList.toggle("field--error", Boolean(message));
    },

    setBusy(busy) {
      page.isBusy = busy;
      button.disabled = busy;
      button.classList.toggle("is-busy", busy);
      button.setAttribute("aria-busy", String(busy));
      button.textContent = busy ? label : idleLabel;
      progress.textContent = busy ? `${words} Please wait.` : "";
    },

    /* A frame can't see our style sheet: it is told how a field of ours looks right now. */
    looks() {
      const style = getComputedStyle(document.documentElement);
      return {
        colour: (name) => style.getPropertyValue(name).trim(),
        family: getComputedStyle(holder).fontFamily,
      };
    },

    /* Sends what the provider's field became: a reference in place of the card. */
    send(fields) {
      for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
      HTMLFormElement.prototype.submit.call(form);
    },
  };

  document.querySelector("[data-refusal]")?.focus();

  /* Back from the next page: a form is sent once, so a fresh one is needed. */
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  return page;
};
