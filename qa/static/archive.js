// The archive page: lists articles, sends files, takes articles out. Texts go in as text alone.
"use strict";

(() => {
  const texts = JSON.parse(document.querySelector('meta[name="qa-texts"]').content);
  const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const list = document.getElementById("qa-articles");
  const filter = document.getElementById("qa-filter");
  const count = document.getElementById("qa-count");
  const report = document.getElementById("qa-report");
  const progress = document.getElementById("qa-progress");
  const drop = document.getElementById("qa-drop");
  const files = document.getElementById("qa-files");
  let asked = 0;

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const tell = (message, good) => report.append(element("li", { class: good ? "qa-good" : "qa-bad", dir: "auto" }, message));

  async function fill() {
    const turn = (asked += 1);
    const response = await fetch(`api/articles?words=${encodeURIComponent(filter.value)}`);
    if (!response.ok || turn !== asked) return;
    const found = await response.json();
    count.textContent = say("listed", { shown: found.articles.length, count: found.count });
    list.replaceChildren(...found.articles.map(row));
  }

  function row(article) {
    const title = article.title || article.id;
    const about = [article.source, article.published].filter(Boolean).join(" · ");
    const words = element("span", { class: "qa-row-text" }, element("bdi", {}, title), element("small", {}, about));
    if (!("editable" in list.dataset)) return element("li", {}, words);
    const button = element("button", { type: "button", class: "qa-act", "aria-label": `${say("takeOut")}: ${title}` }, say("takeOut"));
    button.addEventListener("click", () => takeOut(article, title));
    return element("li", {}, words, button);
  }

  async function takeOut(article, title) {
    if (!confirm(say("takeOutSure", { title }))) return;
    const response = await fetch(`api/articles/${encodeURIComponent(article.id)}`, { method: "DELETE" });
    tell(say(response.ok ? "takenOut" : "notTakenOut", { title }), response.ok);
    await fill();
    filter.focus();
  }

  async function send(file) {
    progress.hidden = false;
    progress.removeAttribute("value");
    try {
      const response = await fetch(`api/articles?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      if (!response.ok) throw new Error((await response.json()).detail);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        lines.filter(Boolean).map((line) => JSON.parse(line)).forEach((line) => hear(file, line));
      }
    } catch (error) {
      tell(say("notAdded", { name: file.name, reason: error.message }), false);
    } finally {
      progress.hidden = true;
    }
  }

  function hear(file, line) {
    if (line.progress?.total_passages) {
      progress.max = line.progress.total_passages;
      progress.value = line.progress.passages;
    }
    if (line.problem) tell(say("notAdded", { name: file.name, reason: line.problem.detail }), false);
    if (!line.report) return;
    const { added, updated, unchanged, failed } = line.report;
    if (added + updated + unchanged) tell(say("added", { name: file.name, added, updated, unchanged }), true);
    for (const item of failed) tell(say("notAdded", { name: item.path, reason: item.reason }), false);
  }

  async function sendAll(chosen) {
    report.replaceChildren();
    for (const file of chosen) await send(file);
    await fill();
    report.append(element("li", {}, element("a", { href: "archive" }, say("seeAgain"))));
  }

  files?.addEventListener("change", () => sendAll([...files.files]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop?.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("qa-over", name === "dragover");
      if (name === "drop") sendAll([...event.dataTransfer.files]);
    });
  }
  let waiting;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(fill, 150);
  });
  fill();
})();
