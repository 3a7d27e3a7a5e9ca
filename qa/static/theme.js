// Pages beside the chat are dark where the system is, as the chat is.
"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const setTheme = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", setTheme);
setTheme();
