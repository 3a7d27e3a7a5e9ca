// What the chat does in the browser: it keeps the conversation, asks again, copies, and reads
// articles. All that articles say is put into the page as text, never as markup.
"use strict";

window.qa = (() => {
  const STORE = "qa-conversations";
  const CURRENT = "qa-current";
  const MOST_KEPT = 40; // conversations in this browser
  const MOST_CHARACTERS = 3_000_000; // of them: browsers give a site some five million

  const texts = JSON.parse(document.querySelector('meta[name="qa-texts"]')?.content ?? "{}");
  const say = (name, values = {}) =>
    (texts[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");

  let exchanges = []; // the conversation that is shown
  let wish = {}; // what goes with the next question: {question, wanted, at, restore}

  // ---- small helpers ----

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (key in made && typeof value !== "string") made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  function announce(message) {
    let place = document.getElementById("qa-status");
    if (!place) {
      place = element("div", { id: "qa-status", role: "status", "aria-live": "polite" });
      document.body.append(place);
    }
    place.textContent = message;
    place.classList.add("qa-shown");
    clearTimeout(announce.timer);
    announce.timer = setTimeout(() => place.classList.remove("qa-shown"), 4000);
  }

  function openDialog(title, ...content) {
    const heading = element("h2", { id: "qa-dialog-title", class: "qa-dialog-title" }, title);
    const close = element("button", { type: "button", class: "qa-act", on: { click: () => dialog.close() } }, say("close"));
    const head = element("header", { class: "qa-dialog-head" }, heading, close);
    const dialog = element(
      "dialog",
      { class: "qa-dialog", "aria-labelledby": "qa-dialog-title", on: { close: () => dialog.remove() } },
      head,
      ...content,
    );
    const back = document.activeElement;
    dialog.addEventListener("close", () => back?.isConnected && back.focus());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  function save(name, type, content) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    announce(say("saved"));
  }

  async function copy(content) {
    try {
      await navigator.clipboard.writeText(content);
      announce(say("copied"));
    } catch {
      const area = element("textarea", { class: "qa-offscreen" });
      area.value = content;
      document.body.append(area);
      area.select();
      announce(say(document.execCommand("copy") ? "copied" : "notCopied"));
      area.remove();
    }
  }

  // ---- asking ----

  const box = () => document.querySelector("#qa-box textarea");

  function take(question) {
    const { wanted = {}, at = null } = wish;
    wish = {};
    document.body.classList.remove("qa-editing");
    return [question, JSON.stringify({ exchanges, wanted, at })];
  }

  function takeAgain() {
    const { question = "" } = wish;
    return take(question);
  }

  function ask(question, wanted = {}, at = null) {
    wish = { question, wanted, at };
    document.getElementById("qa-again").click();
  }

  function edit(at) {
    const area = box();
    wish = { at, wanted: exchanges[at].wanted };
    document.body.classList.add("qa-editing");
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
    set.call(area, exchanges[at].question);
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
    announce(say("editing"));
  }

  // What was understood, as what the person wants: what stands in the answer stays as it is.
  function wantedOf(at) {
    const { wanted, answer } = exchanges[at];
    const understood = answer?.understood ?? {};
    return {
      sources: understood.sources ?? [],
      since: understood.since ?? null,
      until: understood.until ?? null,
      topic: wanted.topic ?? null,
      free: [...(wanted.free ?? [])],
    };
  }

  function askWithout(at, kind) {
    const wanted = wantedOf(at);
    const before = exchanges[at].wanted;
    // What the question's own words limit stays theirs: only what was set here is set again.
    if (!before.sources?.length) wanted.sources = [];
    if (!before.since && !before.until) wanted.since = wanted.until = null;
    if (kind === "sources") wanted.sources = [];
    if (kind === "dates") wanted.since = wanted.until = null;
    if (kind === "topic") wanted.topic = null;
    if (!wanted.free.includes(kind)) wanted.free.push(kind);
    ask(exchanges[at].question, wanted, at);
  }

  async function change(at) {
    const { answer, question } = exchanges[at];
    const { sources, since, until } = wantedOf(at);
    const outlets = (await fetchJson("api/status"))?.sources ?? [];
    const names = outlets.map((item) => item.source).filter(Boolean);
    const boxes = names.map((name, n) => {
      const input = element("input", { type: "checkbox", id: `qa-outlet-${n}`, value: name, checked: sources.includes(name) });
      return element("label", { for: `qa-outlet-${n}`, class: "qa-check" }, input, name);
    });
    const field = (id, label, type, value) => {
      const input = element("input", { id, type, class: "qa-input" });
      input.value = value ?? "";
      return [element("label", { for: id, class: "qa-label" }, label), input];
    };
    const topic = (answer?.understood.topic ?? []).join(", ");
    const form = element(
      "form",
      { class: "qa-form", method: "dialog" },
      element("fieldset", {}, element("legend", {}, say("outlets")), ...boxes),
      ...field("qa-since", say("since"), "date", since),
      ...field("qa-until", say("until"), "date", until),
      ...field("qa-topic", say("topic"), "text", topic),
      element("button", { type: "submit", class: "qa-act qa-primary" }, say("askAgain")),
    );
    const dialog = openDialog(say("understood"), form);
    form.addEventListener("submit", () => {
      const value = (id) => form.querySelector(`#${id}`).value.trim();
      const chosen = [...form.querySelectorAll("input[type=checkbox]:checked")].map((input) => input.value);
      const free = [];
      if (!chosen.length) free.push("sources");
      if (!value("qa-since") && !value("qa-until")) free.push("dates");
      if (!value("qa-topic")) free.push("topic");
      const kept = value("qa-topic") === topic ? exchanges[at].wanted.topic : value("qa-topic");
      const wanted = { sources: chosen, since: value("qa-since") || null, until: value("qa-until") || null, topic: kept || null, free };
      dialog.close();
      ask(question, wanted, at);
    });
  }

  // ---- keeping ----

  function stored() {
    try {
      const found = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  }

  function store(conversations) {
    let kept = conversations.slice(0, MOST_KEPT);
    while (kept.length > 1 && JSON.stringify(kept).length > MOST_CHARACTERS) kept = kept.slice(0, -1);
    try {
      localStorage.setItem(STORE, JSON.stringify(kept));
    } catch {
      // no room, or the browser keeps nothing: the conversation still works
    }
  }

  function current() {
    let id = sessionStorage.getItem(CURRENT);
    if (!id) {
      id = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
      sessionStorage.setItem(CURRENT, id);
    }
    return id;
  }

  function keep(kept) {
    exchanges = JSON.parse(kept || "[]");
    const id = current();
    const others = stored().filter((item) => item.id !== id);
    if (exchanges.length) store([{ id, at: new Date().toISOString(), exchanges }, ...others]);
    return [];
  }

  function clear() {
    exchanges = [];
    wish = {};
    sessionStorage.removeItem(CURRENT);
    if (location.search) history.replaceState(null, "", location.pathname);
    box()?.focus();
    return [];
  }

  function restore(id) {
    const found = stored().find((item) => item.id === id);
    if (!found) return;
    sessionStorage.setItem(CURRENT, id);
    exchanges = found.exchanges;
    ask("");
  }

  function start() {
    const asked = new URLSearchParams(location.search);
    const id = sessionStorage.getItem(CURRENT);
    const known = stored().find((item) => item.id === id);
    if (known && !(asked.get("q") && known.exchanges.every((item) => item.question !== asked.get("q")))) {
      restore(id);
    } else if (asked.get("q")) {
      const wanted = { sources: asked.getAll("source"), since: asked.get("since"), until: asked.get("until") };
      ask(asked.get("q"), wanted);
    }
    return [];
  }

  function scroll() {
    requestAnimationFrame(() => {
      const asked = document.querySelectorAll("#qa-log .qa-question");
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      asked[asked.length - 1]?.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    });
    return [];
  }

  function showHistory() {
    const list = element("ol", { class: "qa-history" });
    const dialog = openDialog(say("history"), list);
    const fill = () => {
      const items = stored().map((item) => {
        const when = new Date(item.at).toLocaleString();
        const open = element(
          "button",
          { type: "button", class: "qa-history-open", on: { click: () => (dialog.close(), restore(item.id)) } },
          element("span", {}, item.exchanges[0]?.question ?? ""),
          element("small", {}, `${when} · ${item.exchanges.length}`),
        );
        const remove = element(
          "button",
          { type: "button", class: "qa-act", "aria-label": `${say("remove")}: ${item.exchanges[0]?.question ?? ""}`,
            on: { click: () => (store(stored().filter((other) => other.id !== item.id)), fill()) } },
          say("remove"),
        );
        return element("li", {}, open, remove);
      });
      list.replaceChildren(...(items.length ? items : [element("li", { class: "qa-nothing" }, say("noHistory"))]));
    };
    fill();
    if (!exchanges.length) return;
    const formats = [["md", "Markdown"], ["html", "HTML"], ["json", "JSON"]].map(([format, label]) =>
      element("button", { type: "button", class: "qa-act", on: { click: () => exportAs(format) } }, label),
    );
    dialog.append(element("div", { class: "qa-actions", role: "group", "aria-label": say("export") }, element("span", {}, say("export")), ...formats));
  }

  // ---- copying and exporting ----

  const cited = (citation) =>
    [citation.source, citation.title && `“${citation.title}”`, citation.published].filter(Boolean).join(", ");

  // Characters that mean something in Markdown are escaped: quotes stay what they are. A dash, or a
  // number with a full stop, begins a list where it stands first.
  const markdown = (value) =>
    value
      .replace(/\s+/g, " ")
      .replace(/([\\`*_{}[\]<>#|!~&])/g, "\\$1")
      .replace(/^( ?\d*)([-+=.)])/, "$1\\$2");
  const web = (citation) => (/^https?:\/\/[^\s<>()]+$/.test(citation.link ?? "") ? citation.link : null);

  function bibtex(citation) {
    // BibTeX counts braces even behind a backslash: one without its other would end the field.
    const named = { "\\": "backslash", "{": "braceleft", "}": "braceright", "^": "asciicircum", "~": "asciitilde" };
    const sign = (found) => (named[found] ? `\\text${named[found]}{}` : `\\${found}`);
    const plain = (value) => value.replace(/[\\{}$&#^_%~]/g, sign).replace(/\s+/g, " ");
    const address = (value) => value.replace(/[\\{}\s]/g, encodeURIComponent);
    const key = `${citation.source ?? "article"}${citation.published ?? ""}`.replace(/[^A-Za-z0-9]/g, "") || "article";
    const fields = {
      title: citation.title && `{${plain(citation.title)}}`,
      journal: citation.source && plain(citation.source),
      year: citation.published && plain(citation.published.slice(0, 4)),
      date: citation.published && plain(citation.published),
      url: citation.url && address(citation.url),
      note: `“${plain(citation.quote)}”`,
    };
    const lines = Object.entries(fields).filter(([, value]) => value).map(([name, value]) => `  ${name} = {${value}}`);
    return `@article{${key},\n${lines.join(",\n")}\n}\n`;
  }

  function csl(citation) {
    const parts = citation.published?.split("-").map(Number);
    const item = {
      id: citation.article_id,
      type: "article-newspaper",
      title: citation.title ?? undefined,
      "container-title": citation.source ?? undefined,
      issued: parts ? { "date-parts": [parts] } : undefined,
      URL: citation.url ?? undefined,
      note: citation.quote,
    };
    return JSON.stringify([item], null, 2);
  }

  const FORMATS = {
    markdown: (answer, [first]) => {
      const source = web(first) ? `[${markdown(cited(first))}](${web(first)})` : markdown(cited(first));
      return `> ${markdown(answer.text)}\n>\n> — ${source}\n`;
    },
    plain: (answer, [first]) => `“${answer.text}”\n— ${cited(first)}${first.url ? `, ${first.url}` : ""}\n`,
    bibtex: (answer, [first]) => bibtex(first),
    csl: (answer, [first]) => csl(first),
  };

  function chooseFormat(at) {
    const { answer } = exchanges[at];
    const buttons = Object.entries(FORMATS).map(([format, write]) =>
      element("button", { type: "button", class: "qa-act", on: { click: () => (dialog.close(), copy(write(answer, answer.citations))) } }, say(format)),
    );
    const dialog = openDialog(say("copy"), element("div", { class: "qa-actions" }, ...buttons));
  }

  function exportAs(format) {
    const name = `conversation-${new Date().toISOString().slice(0, 10)}.${format}`;
    if (format === "json") return save(name, "application/json", JSON.stringify(exchanges, null, 2));
    if (format === "md") return save(name, "text/markdown", exchanges.map(asMarkdown).join("\n"));
    return save(name, "text/html", asHtml());
  }

  function asMarkdown({ question, answer, failure }) {
    const said = answer?.answered ? FORMATS.markdown(answer, answer.citations)
      : `**${say("notFound")}.** ${markdown(answer?.reason ?? failure ?? "")}\n`;
    const sources = (answer?.citations ?? []).map((citation) => {
      const label = markdown(cited(citation));
      return `${citation.n}. ${web(citation) ? `[${label}](${web(citation)})` : label}: “${markdown(citation.quote)}”`;
    });
    return `## ${markdown(question)}\n\n${said}\n${sources.join("\n")}\n`;
  }

  function asHtml() {
    const page = document.implementation.createHTMLDocument(document.title);
    const put = (parent, name, content) => {
      const made = page.createElement(name);
      made.textContent = content;
      parent.append(made);
      return made;
    };
    const head = page.createElement("meta");
    head.setAttribute("charset", "utf-8");
    page.head.prepend(head);
    page.body.style.cssText = "max-width: 45rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere";
    for (const { question, answer, failure } of exchanges) {
      put(page.body, "h2", question);
      if (answer?.answered) put(page.body, "blockquote", answer.text);
      else put(page.body, "p", `${say("notFound")}. ${answer?.reason ?? failure ?? ""}`);
      const list = put(page.body, "ol", "");
      for (const citation of answer?.citations ?? []) {
        const item = put(list, "li", `${cited(citation)}: “${citation.quote}” `);
        if (web(citation)) put(item, "a", web(citation)).setAttribute("href", web(citation));
      }
    }
    return `<!doctype html>\n${page.documentElement.outerHTML}`;
  }

  // ---- reading in context ----

  function day(iso) {
    const date = new Date(iso);
    const style = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
    return Number.isNaN(date.valueOf()) ? iso : date.toLocaleDateString(document.documentElement.lang || "en-GB", style);
  }

  async function fetchJson(address, options) {
    try {
      const response = await fetch(address, options);
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  async function read(at, n) {
    const { question, answer } = exchanges[at];
    const citation = answer.citations.find((item) => item.n === n);
    const text = element("div", { class: "qa-reader-text", dir: "auto", tabindex: "0" }, say("loading"));
    const place = element("span", { class: "qa-reader-place", role: "status" });
    const step = (by, name) =>
      element("button", { type: "button", class: "qa-act", on: { click: () => go(by) } }, say(name));
    const bar = element("div", { class: "qa-actions" }, step(-1, "previous"), step(1, "next"), place);
    const byline = element("p", { class: "qa-reader-byline" }, [citation.source, citation.published && day(citation.published)].filter(Boolean).join(" · "));
    const dialog = openDialog(citation.title || "", byline, bar, text);
    dialog.classList.add("qa-reader");
    const limits = { sources: answer.understood.sources, since: answer.understood.since, until: answer.understood.until };
    const [article, found] = await Promise.all([
      fetchJson(`api/articles/${encodeURIComponent(citation.article_id)}`),
      fetchJson("api/search", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, k: 50, ...limits }),
      }),
    ]);
    if (!article) {
      text.textContent = say("notLoaded");
      return;
    }
    const others = (found?.passages ?? [])
      .filter((passage) => passage.article_id === citation.article_id)
      .map((passage) => [passage.quote_start, passage.quote_end]);
    const marks = showArticle(text, article, [citation.start, citation.end], others);
    let shown = marks.findIndex((mark) => mark.classList.contains("qa-hit-first"));
    function go(by) {
      if (!marks.length) return;
      shown = (shown + by + marks.length) % marks.length;
      marks.forEach((mark, number) => mark.classList.toggle("qa-hit-shown", number === shown));
      marks[shown].scrollIntoView({ block: "center" });
      place.textContent = say("hit", { n: shown + 1, of: marks.length });
    }
    go(0);
  }

  // Offsets count characters as Python does: whole code points, not UTF-16 halves.
  function showArticle(place, article, first, others) {
    const points = Array.from(article.text);
    const spans = [[...first, "qa-hit qa-hit-first"]];
    for (const [start, end] of others) {
      if (spans.every(([from, to]) => end <= from || start >= to)) spans.push([start, end, "qa-hit"]);
    }
    spans.sort((one, other) => one[0] - other[0]);
    const cut = new Set([0, points.length]);
    for (const [start, end] of [...spans, ...article.kept]) cut.add(start).add(end);
    const edges = [...cut].sort((one, other) => one - other);
    const marks = new Map();
    place.replaceChildren();
    for (let edge = 0; edge + 1 < edges.length; edge += 1) {
      const [from, to] = [edges[edge], edges[edge + 1]];
      const words = points.slice(from, to).join("");
      const span = spans.find(([start, end]) => start <= from && to <= end);
      const kept = article.kept.some(([start, end]) => start <= from && to <= end);
      if (span) {
        if (!marks.has(span)) {
          marks.set(span, element("mark", { class: span[2] }));
          place.append(marks.get(span));
        }
        marks.get(span).append(words);
      } else {
        place.append(kept ? words : element("span", { class: "qa-furniture" }, words));
      }
    }
    return [...marks.values()];
  }

  // ---- feedback ----

  async function note(at, citation, answerable, verdict) {
    const { question } = exchanges[at];
    const body = { question, answerable, verdict, article: citation?.article_id ?? null, start: citation?.start ?? null, end: citation?.end ?? null };
    const noted = await fetchJson("api/feedback", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    announce(say(noted ? "thanks" : "notNoted"));
  }

  // ---- what the buttons do ----

  const ACTIONS = {
    free: (at, data) => askWithout(at, data.kind),
    change,
    retry: (at) => ask(exchanges[at].question, exchanges[at].wanted, at),
    edit,
    copy: chooseFormat,
    share: (at) => {
      const { question, wanted } = exchanges[at];
      const query = new URLSearchParams({ q: question });
      for (const source of wanted.sources ?? []) query.append("source", source);
      for (const name of ["since", "until"]) if (wanted[name]) query.set(name, wanted[name]);
      copy(`${location.origin}${location.pathname}?${query}`);
    },
    read: (at, data) => read(at, Number(data.n)),
    good: (at) => {
      const { answer } = exchanges[at];
      note(at, answer.answered ? answer.citations[0] : null, answer.answered, "good");
    },
    bad: (at) => {
      const { answer } = exchanges[at];
      note(at, answer.answered ? answer.citations[0] : null, answer.answered, "bad");
    },
    right: (at, data) => note(at, exchanges[at].answer.citations.find((item) => item.n === Number(data.n)), true, "right"),
    history: showHistory,
  };

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("[data-qa]");
    if (pressed) ACTIONS[pressed.dataset.qa]?.(Number(pressed.dataset.at), pressed.dataset);
  });

  document.addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(event.target.tagName);
    if (event.key === "Escape" && document.body.classList.contains("qa-editing")) {
      wish = {};
      document.body.classList.remove("qa-editing");
    }
    if (event.key === "/" && !typing && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      box()?.focus();
    }
  });

  return { take, takeAgain, keep, clear, start, scroll };
})();
