// Light or dark, as the page around a widget is, and the theme's colours for what is painted on a canvas.

/** Whether the surroundings are dark: what JupyterLab or VS Code says, else what the reader's system prefers. */
export function isDark() {
  const { jpThemeLight: light, vscodeThemeKind: kind } = document.body.dataset;
  if (light) return light === "false";
  if (kind) return kind.includes("dark");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keeps `root` in the theme of its surroundings, and calls `changed` after each change; returns what ends it. */
export function followTheme(root, changed) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => {
    const theme = isDark() ? "dark" : "light";
    const known = root.dataset.theme;
    root.dataset.theme = theme;
    if (known && changed) requestAnimationFrame(changed); // JupyterLab's variables come with a style sheet of their own
  };
  const observer = new MutationObserver(tell);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"] });
  media.addEventListener("change", tell);
  tell();
  return () => {
    observer.disconnect();
    media.removeEventListener("change", tell);
  };
}

/** The value that a token of the theme (`--wb-ink`) has at `root`, as a colour that a canvas understands. */
export function colourOf(root, token) {
  const probe = document.createElement("i");
  probe.style.cssText = `display: none; color: var(${token})`;
  root.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
