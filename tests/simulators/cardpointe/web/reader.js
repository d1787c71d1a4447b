// Keeps a reader's page as the reader is, without moving anybody's focus.
"use strict";

const EVERY_MS = 1000;

function update(id, fresh) {
  const here = document.getElementById(id);
  const there = fresh.getElementById(id);
  if (!here || !there || here.innerHTML === there.innerHTML) return;
  const held = document.activeElement;
  const mark = here.contains(held) && held.name ? [held.name, held.value] : null;
  here.replaceChildren(...there.childNodes);
  if (!mark) return;
  for (const one of here.querySelectorAll(`[name="${mark[0]}"]`)) {
    if (one.tagName !== "BUTTON" || one.value === mark[1]) one.focus();
  }
}

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    ["state", "display", "controls", "last"].forEach((id) => update(id, fresh));
  } catch {
    // The simulator is away for a moment; the next look may find it.
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
