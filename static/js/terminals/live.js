/*
 * Keeps a part of a page up to date: asks whether something changed, and only then takes that part
 * out of the page as the server has it now. Without it the page shows what was when it was loaded.
 */
"use strict";

(() => {
  const PAUSE_MS = 3000;
  const place = document.querySelector("[data-live]");
  if (!place) return;
  const line = document.querySelector("[data-live-news]");

  /* Nobody is interrupted who is at one of the buttons. */
  const isInUse = () => place.contains(document.activeElement);

  const refresh = async () => {
    const answer = await fetch(place.dataset.state, { headers: { Accept: "application/json" } });
    if (!answer.ok || (await answer.json()).version === place.dataset.version) return;
    const page = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (!page.ok || isInUse()) return;
    const fresh = new DOMParser()
      .parseFromString(await page.text(), "text/html")
      .querySelector("[data-live]");
    if (!fresh) return;
    place.replaceChildren(...fresh.childNodes);
    place.dataset.version = fresh.dataset.version;
    if (line) line.textContent = `Updated at ${new Date().toLocaleTimeString()}.`;
  };

  const follow = async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (document.hidden || isInUse()) continue;
      try {
        await refresh();
      } catch {
        /* offline for a moment: asked again */
      }
    }
  };

  follow();
})();
