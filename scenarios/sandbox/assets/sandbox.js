// What moves: when something was sent, the parts of the page that are live are fetched anew. What is opened stays open.
"use strict";
const shown = new Map();

// Puts what is new into a live part, and leaves the part itself where it is, so that readers say what is new.
const renew = (part, fresh) => {
  const text = fresh.innerHTML;
  if (text === (shown.get(part.id) ?? part.innerHTML)) return;
  shown.set(part.id, text);
  const focused = part.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
  for (const { id } of part.querySelectorAll("details[open]")) {
    fresh.querySelector("#" + CSS.escape(id))?.setAttribute("open", "");
  }
  part.replaceChildren(...fresh.childNodes);
  if (focused && focused !== part.id) {
    const place = document.getElementById(focused);
    (place?.querySelector("summary") ?? place)?.focus();
  }
};

if (document.querySelector("[data-live]") && window.EventSource) {
  let waiting = false;
  const look = async () => {
    waiting = false;
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) renew(part, fresh);
    }
  };
  new EventSource("/events").onmessage = () => {
    if (!waiting) { waiting = true; setTimeout(look, 60); }
  };
}
