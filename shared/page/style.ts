/** The look of the page: system fonts, large targets, light or dark as the reader's system is, both directions of writing. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f4; --card: #fff; --ink: #1c2526; --quiet: #566264; --line: #dde3e0;
  --accent: #0b6b60; --on-accent: #fff; --soft: #e4f1ee;
  --care: #7a4300; --care-ground: #fdf2e0; --care-line: #efd6ab; --bad: #a3270f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12181a; --card: #1a2224; --ink: #e5ebe9; --quiet: #a2afad; --line: #2c3739;
    --accent: #63cdbd; --on-accent: #05231f; --soft: #1d3431;
    --care: #f2c37c; --care-ground: #2b2315; --care-line: #4b3b1d; --bad: #ff9c86;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1.0625rem/1.55 system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }
[dir=rtl] body, body[dir=rtl] { font-family: system-ui, 'Noto Sans Arabic', 'Noto Naskh Arabic', Tahoma, sans-serif; line-height: 1.8; }
.page { max-width: 56rem; margin: 0 auto; padding: 0 1rem 3rem; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .5rem; }
.skip { position: absolute; inset-inline-start: -99rem; }
.skip:focus { position: static; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; padding: 1.1rem 0 .9rem; }
header .office { font-weight: 650; font-size: 1.2rem; margin: 0; }
nav { display: flex; flex-wrap: wrap; gap: .25rem; flex: 1; }
nav a { white-space: nowrap; display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 .95rem; border-radius: 1.4rem; color: var(--ink); text-decoration: none; }
nav a:hover { background: var(--soft); }
nav a[aria-current] { background: var(--soft); color: var(--accent); font-weight: 600; }
h1 { font-size: 1.6rem; line-height: 1.3; margin: .1rem 0 .2rem; font-weight: 650; letter-spacing: -.01em; }
[dir=rtl] h1 { letter-spacing: 0; line-height: 1.5; }
h2 { font-size: 1.1rem; margin: 0 0 .7rem; font-weight: 650; }
h3 { font-size: 1.02rem; margin: 0; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 0 0 .6rem; }
.quiet { color: var(--quiet); }
.small { font-size: .94rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.2rem 1.3rem; margin-bottom: 1.1rem; }
.card > :last-child { margin-bottom: 0; }
.care { background: var(--care-ground); border-color: var(--care-line); }
.care h3 { color: var(--care); }
.fine { color: var(--accent); font-weight: 600; }
.fine::before { content: '✓'; margin-inline-end: .5rem; }
.bad { color: var(--bad); font-weight: 600; }
ul.rows { list-style: none; margin: 0; padding: 0; }
ul.rows > li { padding: .85rem 0; border-top: 1px solid var(--line); }
ul.rows > li:first-child { border-top: 0; padding-top: 0; }
ul.rows > li:last-child { padding-bottom: 0; }
.row { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem 1.2rem; align-items: baseline; }
.row > .size { white-space: nowrap; color: var(--quiet); }
.address { overflow-wrap: anywhere; }
.tag { display: inline-block; background: var(--soft); color: var(--accent); border-radius: 1rem; padding: 0 .65rem; font-size: .9rem; font-weight: 600; }
.chips { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0; padding: 0; list-style: none; }
form { margin: 0; }
.fields { display: flex; flex-wrap: wrap; align-items: end; gap: .8rem 1rem; margin-top: 1rem; }
label { display: block; font-weight: 600; font-size: .95rem; }
label.choice { display: flex; gap: .6rem; align-items: center; font-weight: 400; font-size: 1rem; min-height: 2.75rem; }
input, select, button { font: inherit; color: inherit; }
label input { font-weight: 400; }
input[type=text], input[type=password], input[type=number], select, input[type=file] {
  min-height: 2.9rem; width: 100%; max-width: 24rem; padding: .4rem .75rem; margin-top: .25rem; display: block;
  border: 1px solid var(--quiet); border-radius: .6rem; background: var(--card);
}
input[type=checkbox] { width: 1.35rem; height: 1.35rem; flex: none; accent-color: var(--accent); }
button { min-height: 2.9rem; padding: .35rem 1.4rem; border-radius: .7rem; border: 1px solid var(--accent); background: transparent; color: var(--accent); font-weight: 600; cursor: pointer; }
a.button { display: inline-flex; align-items: center; min-height: 2.9rem; padding: .35rem 1.4rem; border-radius: .7rem; border: 1px solid var(--accent); font-weight: 600; text-decoration: none; }
button:hover, a.button:hover { background: var(--soft); }
button.main { background: var(--accent); color: var(--on-accent); }
button.main:hover { filter: brightness(1.08); }
button.plain { border-color: transparent; padding: .35rem .6rem; }
button.danger { border-color: var(--bad); color: var(--bad); }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: .7rem; align-items: center; }
details { margin-top: .5rem; }
summary { cursor: pointer; min-height: 2.4rem; display: flex; align-items: center; color: var(--accent); font-weight: 600; font-size: .97rem; }
summary::before { content: '+'; width: 1.2rem; font-weight: 400; }
details[open] > summary::before { content: '−'; }
pre, code { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: .93rem; }
code { display: inline-block; background: var(--soft); border-radius: .4rem; padding: .1rem .5rem; }
.words { direction: ltr; text-align: start; unicode-bidi: isolate; overflow-wrap: anywhere; white-space: pre-wrap; color: var(--quiet); font-size: .94rem; }
progress { width: 100%; height: .8rem; margin: .7rem 0; accent-color: var(--accent); }
svg.trips { display: block; width: 100%; height: 9rem; }
.trips .up { fill: var(--accent); } .trips .down { fill: var(--quiet); opacity: .75; } .trips .early { fill: var(--bad); }
.trips .axis { stroke: var(--quiet); } .trips .day { stroke: var(--line); }
.days { display: flex; color: var(--quiet); font-size: .88rem; margin: .2rem 0 .6rem; }
.days span { flex: 1; text-align: center; min-width: 0; overflow: hidden; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; padding: 0; margin: 0; list-style: none; font-size: .94rem; color: var(--quiet); }
.legend li::before { content: ''; display: inline-block; width: .75rem; height: .75rem; border-radius: .2rem; background: var(--accent); margin-inline-end: .45rem; }
.legend .down::before { background: var(--quiet); } .legend .early::before { background: var(--bad); border-radius: 50%; }
footer { display: flex; flex-wrap: wrap; gap: .1rem .4rem; align-items: center; padding-top: .5rem; color: var(--quiet); font-size: .95rem; }
footer a, footer b { display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 .5rem; }
.narrow { max-width: 30rem; }
input::file-selector-button { font: inherit; min-height: 2.1rem; margin-inline-end: .8rem; padding: 0 .8rem; border: 1px solid var(--accent); border-radius: .5rem; background: transparent; color: var(--accent); cursor: pointer; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { text-align: end; padding: .45rem .6rem; border-top: 1px solid var(--line); white-space: nowrap; font-weight: 400; }
th:first-child { text-align: start; } thead th { color: var(--quiet); font-size: .92rem; border-top: 0; }
.qr { margin: 1rem 0; } .qr svg { width: 15rem; max-width: 100%; background: #fff; border-radius: .6rem; display: block; }
form + form { margin-top: .3rem; }
@media (max-width: 40rem) {
  body { font-size: 1rem; }
  .page { padding: 0 .75rem 2rem; }
  header { justify-content: space-between; padding-top: .6rem; gap: .3rem .5rem; }
  header .office { font-size: 1.1rem; }
  nav { order: 3; flex-basis: 100%; justify-content: space-between; background: var(--card); border: 1px solid var(--line); border-radius: 1.6rem; padding: .2rem; }
  nav a { flex: 1; justify-content: center; padding: 0 .35rem; font-size: .95rem; }
  .card { padding: 1rem; border-radius: .9rem; }
  h1 { font-size: 1.35rem; }
  .fields > div, .fields select, .fields input, .fields button.main { width: 100%; max-width: none; }
}
`;
