/** The languages of the page. One more is a file in words/ and a word here. */
import { parseAccept } from 'hono/utils/accept';
import { ar } from './words/ar.ts';
import { en, type Words } from './words/en.ts';
import { fr } from './words/fr.ts';
import { prs } from './words/prs.ts';

export const LANGUAGES: readonly Words[] = [en, fr, ar, prs];

export const languageOf = (tag: string): Words | undefined => LANGUAGES.find((words) => words.tag === tag);

/** By the browser's Accept-Language; `fa` and `prs` are read by who reads Dari. */
export function preferred(header = ''): Words {
  for (const { type } of parseAccept(header)) {
    const [base = ''] = type.toLowerCase().split('-');
    const found = LANGUAGES.find(({ tag }) => tag.split('-')[0] === (base === 'prs' ? 'fa' : base));
    if (found) return found;
  }
  return en;
}
