// What moves: when something was sent, the part of the page that is live is fetched anew. What is opened stays open.
"use strict";
const place = () => document.querySelector("[data-live]");
if (place() && window.EventSource) {
  let waiting = false;
  const renew = async () => {
    waiting = false;
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    const old = place();
    if (!fresh || fresh.innerHTML === old.dataset.shown) return;
    const shown = fresh.innerHTML;
    const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
    const focused = document.activeElement && old.contains(document.activeElement)
      ? document.activeElement.closest("[id]")?.id : null;
    for (const id of open) fresh.querySelector("#" + CSS.escape(id))?.setAttribute("open", "");
    old.replaceWith(fresh);
    fresh.dataset.shown = shown;
    if (focused) document.getElementById(focused)?.querySelector("summary")?.focus();
  };
  new EventSource("/events").onmessage = () => {
    if (!waiting) { waiting = true; setTimeout(renew, 60); }
  };
}
