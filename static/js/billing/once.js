/* Forms marked data-once are sent once, however often they are clicked. */
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-once]");
  if (!form) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = form.querySelector("button");
  button.classList.add("is-busy");
  button.setAttribute("aria-busy", "true");
});

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    const button = form.querySelector("button");
    button.classList.remove("is-busy");
    button.removeAttribute("aria-busy");
  }
});
