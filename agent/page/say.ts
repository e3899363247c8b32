/** Numbers, sizes, money and times as the readers of a language write them. */
import type { Words } from './words/en.ts';

/** What a number of things is called, by the plural rules of the language; `#` stands for the number. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };

export const number = ({ tag }: Words, value: number): string => new Intl.NumberFormat(tag).format(value);

/** `3 mails`. */
export function count(words: Words, forms: Forms, value: number): string {
  const form = forms[new Intl.PluralRules(words.tag).select(value)] ?? forms.other;
  return form.replace('#', number(words, value));
}

/** `45 kB`. */
export function size({ tag, units }: Words, bytes: number): string {
  const say = (unit: string, value: number, unitDisplay = units): string =>
    new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 }).format(value);
  if (bytes < 1_000) return say('byte', Math.round(bytes), 'long');
  if (bytes < 10_000) return say('kilobyte', bytes / 1_000);
  return bytes < 1_000_000 ? say('kilobyte', Math.round(bytes / 1_000)) : say('megabyte', bytes / 1_000_000);
}

/** `5 minutes`. */
export function span({ tag }: Words, seconds: number): string {
  const say = (unit: string, value: number): string =>
    new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(value));
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return say('second', whole);
  if (whole < 3_600) return say('minute', whole / 60);
  return whole < 172_800 ? say('hour', whole / 3_600) : say('day', whole / 86_400);
}

/** A sum in a text that is written from right to left stays together. */
export function money(words: Words, amount: number, currency?: string): string {
  const text = sum(words, amount, currency);
  // Marks of direction that come with it would turn it inside out there.
  return words.dir === 'rtl' ? `\u2066${text.replace(/[\u200e\u200f\u061c]/g, '')}\u2069` : text;
}

/** What something may cost: never nothing. */
export const price = (words: Words, amount: number, currency?: string): string =>
  money(words, Math.max(0.01, amount), currency);

/** Three letters are taken for the code of a currency; whatever else agent.toml calls it stands behind the number. */
function sum({ tag }: Words, amount: number, currency = ''): string {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 } as const;
  if (/^[A-Z]{3}$/.test(currency))
    return new Intl.NumberFormat(tag, {
      style: 'currency',
      currency,
      currencyDisplay: 'narrowSymbol',
      ...digits,
    }).format(amount);
  return `${new Intl.NumberFormat(tag, digits).format(amount)} ${currency}`.trimEnd();
}

/** `14:02`, with the date when that is not today. Unix seconds. */
export function time({ tag }: Words, seconds: number, now: number): string {
  const at = new Date(seconds * 1_000);
  const isToday = at.toDateString() === new Date(now * 1_000).toDateString();
  return new Intl.DateTimeFormat(tag, { ...(isToday ? {} : { dateStyle: 'medium' }), timeStyle: 'short' }).format(at);
}

/** `Mon`. */
export const weekday = ({ tag }: Words, at: Date): string =>
  new Intl.DateTimeFormat(tag, { weekday: 'short' }).format(at);
