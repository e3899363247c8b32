/**
 * The links of an office, as its agent tells them to the hub: what a mail costs there and how large it may be. One link a
 * line, `NAME word=value ...`; words that are not known are passed over.
 */
import type { Tariff } from './tariff.ts';
import { TripError } from './trip-record.ts';

export interface OfficeLink extends Tariff {
  readonly name: string;
  /** As measured, roughly. */
  readonly bytesPerSecond?: number;
  /** Larger mails wait for a better link. */
  readonly mailBytesMax?: number;
}

/** Bound of the list; links that do not fit are left out. */
const LIST_BYTES_MAX = 4_096;

const NUMBERS = {
  mb: 'pricePerMb',
  min: 'pricePerMinute',
  step: 'priceStep',
  least: 'priceMinimum',
  from: 'bytesMinimum',
  bps: 'bytesPerSecond',
  max: 'mailBytesMax',
} as const satisfies Readonly<Record<string, keyof OfficeLink>>;
type NumberWord = keyof typeof NUMBERS;

/** The list as text; the first links of it, when they are too many. */
export function encodeLinks(links: readonly OfficeLink[]): string {
  const lines: string[] = [];
  let left = LIST_BYTES_MAX;
  for (const link of links) {
    const line = encodeLink(link);
    left -= line.length + 1;
    if (left < 0) break;
    lines.push(line);
  }
  return lines.join('\n');
}

function encodeLink(link: OfficeLink): string {
  const words = (Object.keys(NUMBERS) as NumberWord[]).flatMap((word) => {
    const value = link[NUMBERS[word]];
    return value === undefined ? [] : [`${word}=${value}`];
  });
  const currency = link.currency ? [`cur=${encodeURIComponent(link.currency.toWellFormed())}`] : [];
  return [link.name, ...words, ...currency].join(' ');
}

const NAME = /^[A-Za-z0-9_-]{1,32}$/;
const NUMBER = /^\d{1,15}(?:\.\d{1,15})?(?:e-\d{1,2})?$/;
const CURRENCY_CHARACTERS_MAX = 8;

/** Throws TripError for what is no list of links. */
export function decodeLinks(text: string): readonly OfficeLink[] {
  return text === '' ? [] : text.split('\n').map(decodeLink);
}

function decodeLink(line: string): OfficeLink {
  const [name = '', ...words] = line.split(' ');
  if (!NAME.test(name)) throw new TripError('a link has no name');
  const facts = words.flatMap((word): readonly (readonly [string, number | string])[] => {
    const [key = '', value = ''] = word.split('=');
    if (key === 'cur') return [['currency', decodeCurrency(value)]];
    if (!Object.hasOwn(NUMBERS, key)) return [];
    if (!NUMBER.test(value)) throw new TripError(`a link has "${word.slice(0, 40)}", where a number is due`);
    return [[NUMBERS[key as NumberWord], Number(value)]];
  });
  return { name, ...Object.fromEntries(facts) };
}

function decodeCurrency(value: string): string {
  try {
    return decodeURIComponent(value)
      .replace(/[\p{Cc}\u2028\u2029]/gu, '')
      .slice(0, CURRENCY_CHARACTERS_MAX);
  } catch {
    throw new TripError('the currency of a link cannot be read');
  }
}
