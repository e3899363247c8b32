/**
 * The text of an HTML mail. html-to-text knows lists, tables and links, but its time grows with the square of what is
 * nested, and a mail may be made to stop the hub with; so what is large or deep is only stripped, in one pass.
 */
import { compile } from 'html-to-text';

/** In characters; more is not read at all. */
const HTML_MAX = 2_000_000;
const LAID_OUT_MAX = 200_000;
const NESTING_TAGS_MAX = 1_000;

const convert = compile({
  wordwrap: false,
  limits: { maxInputLength: LAID_OUT_MAX, maxDepth: 100, ellipsis: '…' },
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

/** Undefined when it is beyond all bounds. */
export function textOfHtml(html: string): string | undefined {
  if (html.length > HTML_MAX) return undefined;
  const text = html.length <= LAID_OUT_MAX && !nestsDeep(html) ? convert(html) : strip(html);
  return text.replace(/\n{3,}/g, '\n\n');
}

function nestsDeep(html: string): boolean {
  let count = 0;
  for (const _ of html.matchAll(/<(?:table|ul|ol|blockquote|dl)\b/gi)) if (++count > NESTING_TAGS_MAX) return true;
  return false;
}

const BLOCK = /^\/?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|blockquote)\b/i;
const UNSEEN = /^(?:style|script|title|head)\b/i;

/** Text between tags, a line for each block. */
function strip(html: string): string {
  const kept: string[] = [];
  let until: string | undefined;
  for (const piece of html.replace(/\s+/g, ' ').split('<')) {
    const end = piece.indexOf('>');
    const tag = kept.length === 0 && end < 0 ? '' : piece.slice(0, Math.max(0, end));
    if (until !== undefined && tag.toLowerCase().startsWith(`/${until}`)) until = undefined;
    else if (until === undefined) until = UNSEEN.exec(tag)?.[0].toLowerCase();
    if (until === undefined) kept.push(BLOCK.test(tag) ? '\n' : '', piece.slice(end + 1));
  }
  return kept
    .join('')
    .replace(/&(amp|lt|gt|quot|nbsp|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi, (_, name: string, decimal, hex) =>
      decimal || hex
        ? character(decimal ? Number(decimal) : Number.parseInt(hex, 16))
        : (NAMED[name.toLowerCase()] ?? ''),
    )
    .replace(/ *\n[ \n]*/g, '\n')
    .trim();
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' };

const character = (code: number): string => (code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : ' ');
