// The page that waits: the server holds this request back until the chat can be had.
fetch("/", { headers: { Accept: "text/plain" }, cache: "no-store" }).then(
  () => location.reload(),
  () => {
    const stopped = document.getElementById("qa-stopped").content.textContent;
    document.getElementById("qa-opening").textContent = stopped;
  },
);
