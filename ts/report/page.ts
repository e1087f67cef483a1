/** The frame of every page: one HTML file that needs nothing else. */
import { escapeHtml } from './format.js';
import { STYLE } from './style.js';

/** What stands around the sections of a page. */
export interface Frame {
  title: string;
  /** What wrote the page, with its version. */
  maker: string;
  /** Empty ones are left out. */
  sections: readonly string[];
  /** Beside the style of all pages. */
  style?: string;
  /** Runs when all else is there. */
  script?: string;
}

/** The text of the file. */
export function renderPage({ title, maker, sections, style = '', script }: Frame): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${escapeHtml(maker)}">
<title>${escapeHtml(title)} · kwta</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
${sections.filter((section) => section !== '').join('\n')}
<footer>Written by ${escapeHtml(maker)}. All figures are of this run alone.</footer>
</main>${
    script === undefined
      ? ''
      : `
<script>${script}</script>`
  }
</body>
</html>
`;
}

/** A list of terms and texts; what has no text is left out. */
export function factList(entries: readonly (readonly [term: string, text: string | undefined])[]): string {
  const rows = entries.flatMap(([term, text]) =>
    text === undefined ? [] : `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`,
  );
  return `<dl class="facts">${rows.join('')}</dl>`;
}

/** Keeps `ε = 0.1` and `30.0 %` on one line. */
export function unbroken(text: string): string {
  return text.replace(/ (?=[=%])|(?<==) /g, '\u00a0');
}
