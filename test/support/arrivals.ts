/** Looks at mailboxes again and again, and tells of each file that is new, once. */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { filesOf } from './sites.ts';

export interface Mailbox {
  /** `herat/farid`: how the ledger calls it. */
  readonly place: string;
  /** A Maildir. */
  readonly folder: string;
}

export class Arrivals {
  readonly #mailboxes: readonly Mailbox[];
  readonly #known = new Set<string>();

  constructor(mailboxes: readonly Mailbox[]) {
    this.#mailboxes = mailboxes;
  }

  /** What has come since the last look. */
  async look(): Promise<readonly { readonly place: string; readonly path: string; readonly bytes: Buffer }[]> {
    const found = await Promise.all(this.#mailboxes.map((mailbox) => this.#lookAt(mailbox)));
    return found.flat();
  }

  async #lookAt({ place, folder }: Mailbox) {
    const paths = [...(await filesOf(join(folder, 'new'))), ...(await filesOf(join(folder, 'cur')))];
    const fresh = paths.filter((path) => !this.#known.has(keyOf(place, path)));
    for (const path of fresh) this.#known.add(keyOf(place, path));
    return Promise.all(fresh.map(async (path) => ({ place, path, bytes: await readFile(path) })));
  }
}

/** A reader renames what it has seen (`:2,S`); it is still the same mail. */
const keyOf = (place: string, path: string): string => `${place} ${basename(path).replace(/:2,[A-Za-z]*$/, '')}`;
