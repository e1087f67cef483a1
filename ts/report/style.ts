/** The report's style sheet: light, dark and print, without scripts or outside files. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --panel: #ffffff; --ink: #1c1f23; --soft: #5b636d; --line: #e3e4e0; --band: #f1f1ec;
  --warn: #8a4b00; --warn-panel: #fdf4e3; --fail: #b3181c; --fail-panel: #fdeceb; --hot: #e8590c; --model: var(--ink);
  --model-0: #1f6feb; --model-1: #d9480f; --model-2: #0f8a6c; --model-3: #8250df; --model-4: #b8860b; --model-5: #bf3989;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --panel: #1c1f23; --ink: #e8e9e6; --soft: #a0a7b0; --line: #31363c; --band: #24282d;
    --warn: #f2c078; --warn-panel: #2d2619; --fail: #ff9a94; --fail-panel: #321d1e; --hot: #d9480f;
    --model-0: #6ea8ff; --model-1: #ff8a5c; --model-2: #4cc9a4; --model-3: #b79bff; --model-4: #e0b84c; --model-5: #f27fbf;
  }
}
.model-0 { --model: var(--model-0); } .model-1 { --model: var(--model-1); } .model-2 { --model: var(--model-2); }
.model-3 { --model: var(--model-3); } .model-4 { --model: var(--model-4); } .model-5 { --model: var(--model-5); }

* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; text-rendering: optimizeLegibility;
}
main { max-width: 60rem; margin: 0 auto; padding: 4rem 1.5rem 5rem; }
header { max-width: 46rem; }
.eyebrow { margin: 0 0 .75rem; color: var(--soft); font-size: .875rem; letter-spacing: .02em; }
h1 { margin: 0 0 1.25rem; font-size: clamp(1.75rem, 4.5vw, 2.5rem); line-height: 1.18; letter-spacing: -.022em; font-weight: 680; text-wrap: balance; }
h2 { margin: 4rem 0 .4rem; font-size: 1.3125rem; line-height: 1.3; letter-spacing: -.012em; font-weight: 640; }
h3 { margin: 2rem 0 .5rem; font-size: 1rem; font-weight: 620; }
p { margin: 0 0 .75rem; }
.note { max-width: 46rem; color: var(--soft); font-size: .9375rem; }
.verdict { margin: 0; padding: 0; list-style: none; }
.verdict li { padding: .6rem 0; border-top: 1px solid var(--line); text-wrap: pretty; }

.status { display: inline-block; padding: .1rem .65rem; border-radius: 1rem; background: var(--band); color: var(--ink); font-weight: 640; }
progress { width: 100%; height: .6rem; margin: .25rem 0 1rem; accent-color: var(--model-0); }

.findings { display: grid; gap: .75rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
.findings li { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 1rem; padding: .9rem 1.25rem; border-left: 4px solid var(--tone); border-radius: 8px; background: var(--tone-panel); break-inside: avoid; }
.findings p { margin: 0; text-wrap: pretty; overflow-wrap: anywhere; }
.findings .severity { color: var(--tone); font-weight: 640; white-space: nowrap; }
.findings .is-failure { --tone: var(--fail); --tone-panel: var(--fail-panel); border-left-width: 8px; border-left-style: double; }
.findings .is-warning { --tone: var(--warn); --tone-panel: var(--warn-panel); }
.findings .is-note { --tone: var(--soft); --tone-panel: var(--band); border-left-style: dotted; }
.evidence { display: flex; flex-wrap: wrap; gap: 0 1.1rem; color: var(--soft); font-size: .8125rem; }
.findings .evidence { margin-top: .2rem; }
.evidence b { font-weight: 400; } .evidence span { color: var(--ink); } .evidence b { color: var(--soft); }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }

.key { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: 1rem 0 1.25rem; padding: 0; list-style: none; font-size: .9375rem; }
.key li::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .5em; border-radius: 50%; background: var(--model); }
.key li:nth-child(even)::before { border-radius: 2px; }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; margin-top: 1.25rem; }
.card { padding: 1.25rem 1.5rem 1.4rem; border: 1px solid var(--line); border-top: 3px solid var(--model); border-radius: 8px; background: var(--panel); }
.card h3 { margin: 0; }
.card .size { margin: 0 0 1rem; color: var(--soft); font-size: .875rem; }
.card dl { display: grid; grid-template-columns: 1fr auto; gap: .35rem 1rem; margin: 0; align-items: baseline; }
.card dt { color: var(--soft); font-size: .9375rem; }
.card dd { margin: 0; text-align: right; }
.card dd strong { font-size: 1.375rem; font-weight: 640; letter-spacing: -.015em; }
.card dd small { display: block; color: var(--soft); font-size: .8125rem; line-height: 1.3; }

.panels { display: grid; gap: 1.75rem 2rem; }
.figures { display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); margin-top: 1.25rem; }
.two { grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
figure { margin: 0; break-inside: avoid; overflow-x: auto; }
figcaption { margin-bottom: .25rem; font-weight: 620; }
svg { display: block; }
.plot { width: 100%; height: auto; max-width: 46rem; }
.plot text { fill: var(--ink); font-size: 13px; }
.plot .tick { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--line); stroke-width: 1; }
.band { fill: var(--band); }
.mark circle, .mark rect { fill: var(--model); stroke: var(--paper); stroke-width: 1.5; }
.mark .range { stroke: var(--model); stroke-width: 2; stroke-opacity: .55; stroke-linecap: round; }
.curve { fill: none; stroke: var(--model); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.curve.model-1 { stroke-dasharray: 6 3.5; } .curve.model-2 { stroke-dasharray: 1.5 4; } .curve.model-3 { stroke-dasharray: 10 4 2 4; }
.solo .curve:only-of-type { stroke-dasharray: none; }
.sticks { fill: none; stroke: var(--model); stroke-width: 1.2; stroke-opacity: .8; }
.key.small { gap: .1rem 1rem; margin: .35rem 0 0; font-size: .8125rem; color: var(--soft); }
.plane { width: 100%; height: auto; max-width: 25rem; } .plane .tick { fill: var(--soft); font-size: 12px; }
.plane .ground { fill: var(--band); } .heat-cells { fill: var(--hot); shape-rendering: crispEdges; } .plane .border { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.whisker .track { fill: var(--band); } .whisker .bar { fill: var(--model); opacity: .5; }
.whisker .range { fill: none; stroke: var(--ink); stroke-width: 1.25; }

.interval-band { fill: var(--model); opacity: .14; }
.wide .plot { max-width: 33rem; }
.panels + .note { margin-top: 1.75rem; }

.heat td, .heat th { text-align: center; } .heat th:first-child { text-align: left; }
.heat td { background: color-mix(in oklab, var(--hot) var(--heat), var(--panel)); font-weight: 560; min-width: 5.5rem; }
.heat .own { outline: 2px solid var(--ink); outline-offset: -3px; }
.heat { width: auto; } .plain caption::before { content: none; }

.scroll { overflow-x: auto; margin-top: 1.5rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
caption { padding: 0 0 .5rem; text-align: left; font-weight: 620; }
caption::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .5em; border-radius: 2px; background: var(--model); }
th, td { padding: .4rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; font-weight: 400; }
th:first-child, td:first-child { padding-left: .4rem; text-align: left; }
thead th { color: var(--soft); font-size: .8125rem; vertical-align: bottom; }
tbody tr:first-child th, tbody tr:first-child td { border-top: 1px solid var(--soft); }
.worst th, .worst td { background: var(--band); font-weight: 640; }
.stage th, .stage td { color: var(--soft); font-size: .8125rem; padding-top: .15rem; padding-bottom: .15rem; } .stage th:first-child { padding-left: 1.6rem; }
.interval { color: var(--soft); }
td svg { display: inline-block; vertical-align: -1px; }

.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(17.5rem, 1fr)); gap: 1.25rem 1.5rem; }
.example { font-size: .875rem; line-height: 1.4; }
.triple { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4rem; }
.triple div { color: var(--soft); font-size: .75rem; text-align: center; }
.triple img { display: block; width: 100%; height: auto; margin-bottom: .2rem; border-radius: 4px; image-rendering: pixelated; }
.example p { margin: .35rem 0 0; }
.example .how { color: var(--soft); }

.warnings { margin: .75rem 0 0; padding: .9rem 1.25rem .9rem 2.25rem; border-radius: 8px; background: var(--warn-panel); color: var(--warn); }
.about dt { font-weight: 620; } .about dd { margin: 0 0 .7rem; color: var(--soft); max-width: 46rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.75rem; margin: .75rem 0 0; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem; }

@media (max-width: 40rem) {
  main { padding-top: 2.5rem; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .6rem; }
  .findings li { grid-template-columns: 1fr; }
  .panels:not(.two) .plot { min-width: 32rem; }
}
@media print {
  :root { color-scheme: light; --paper: #ffffff; }
  body { font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 2rem; break-after: avoid; }
  tr, .card, .example, .heat { break-inside: avoid; }
  thead { display: table-header-group; }
  .note, .key, caption, thead, h3, tbody tr:first-child { break-after: avoid; }
  p, .cards { break-inside: avoid; }
  .scroll, figure { overflow: visible; }
  table { font-size: .8125rem; } th, td { padding: .3rem .4rem; }
}
`;
