// The pages work without this. With it, lists follow what is typed, events come by themselves, and one box selects all.
"use strict";

// Search as you type: the same page's list is fetched anew, and the address follows.
for (const form of document.querySelectorAll("form[data-live]")) {
  const target = document.getElementById(form.dataset.live);
  const button = form.querySelector("[data-no-script]");
  if (button) button.hidden = true;
  let timer = 0;
  let running = null;
  const load = async () => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "") fields.append(name, value);
    }
    const address = `${form.getAttribute("action")}?${fields}`;
    if (running) running.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await fetch(address, { headers: { "X-Fragment": "1" }, signal: mine.signal });
      if (!answer.ok) return location.assign(address);
      const html = await answer.text();
      if (running !== mine) return;
      target.innerHTML = html;
      // The region that is read out stays, only its words change.
      const found = document.getElementById("found");
      if (found) found.textContent = target.querySelector(".summary")?.textContent ?? "";
      history.replaceState(null, "", address);
      prepareSelection(target);
    } catch (error) {
      if (error.name !== "AbortError") form.submit();
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(load, 180);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    load();
  });
}

// One box that selects all rows of a page, and a count of what is selected.
function prepareSelection(root) {
  for (const form of root.querySelectorAll("form[data-select]")) {
    const all = form.querySelector("[data-all]");
    const boxes = [...form.querySelectorAll("input[name=id]")];
    const note = form.querySelector("[data-selected]");
    if (!all || !note || boxes.length === 0) continue;
    const buttons = [...form.querySelectorAll(".bulk button")];
    const refresh = () => {
      const count = boxes.filter((box) => box.checked).length;
      all.checked = count === boxes.length;
      all.indeterminate = count > 0 && count < boxes.length;
      note.textContent = count === 0 ? "Select users to change several at once" : `With the ${count} selected:`;
      for (const button of buttons) button.disabled = count === 0;
    };
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      refresh();
    });
    form.addEventListener("change", refresh);
    refresh();
  }
}
prepareSelection(document);
// A page that comes back from the browser's memory has its boxes ticked after this ran.
addEventListener("pageshow", () => prepareSelection(document));

// Live events: rows come ready from the server, newest on top.
for (const list of document.querySelectorAll("[data-stream]")) {
  const state = document.getElementById("live-state");
  const most = 200;
  const source = new EventSource(list.dataset.stream);
  const say = (text, on) => {
    if (!state) return;
    state.hidden = false;
    state.textContent = text;
    state.classList.toggle("on", on);
  };
  source.addEventListener("open", () => say("Live", true));
  source.addEventListener("error", () => say("Connecting again …", false));
  source.addEventListener("row", (event) => {
    const template = document.createElement("template");
    template.innerHTML = event.data;
    for (const row of template.content.children) row.classList.add("new");
    list.prepend(template.content);
    while (list.children.length > most) list.lastElementChild.remove();
    document.getElementById("no-events")?.remove();
  });
  addEventListener("pagehide", () => source.close());
}

// Copy buttons appear only where they work.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
  });
}
