/** A person's Maildir as POP3 shows it: the files of new/ and cur/, oldest first, whatever program has put or moved them there. */
import { createHash } from 'node:crypto';
import type { Pop3Mail } from '../core/pop3.ts';
import { Pop3Size } from '../core/pop3-text.ts';
import type { Body } from './body.ts';
import { takeable } from './maildir.ts';
import { inParallel } from './parallel.ts';
import type { Store } from './store.ts';

export interface MailboxMail extends Pop3Mail {
  readonly key: string;
}

/** What a POP3 session works on. */
export interface OpenMailbox {
  /** Two sessions of one name do not go together. */
  readonly name: string;
  list(): Promise<readonly MailboxMail[]>;
  /** Undefined when it is gone. */
  open(key: string): Promise<Body | undefined>;
  /** Durable when it returns. */
  remove(key: string): Promise<void>;
  /** The session is over. */
  close?(): void;
}

/** In one session; with the oldest removed, the next session shows more. */
const MAILS_MAX = 10_000;
const READS_AT_ONCE = 4;
/** Sizes that are remembered, so that a mailbox of years is read once and not at every visit. */
const SIZES_MAX = 100_000;

export class Mailboxes {
  readonly #store: Store;
  readonly #sizes = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The mailbox in a folder of the store, such as `users/farid`. */
  at(maildir: string): OpenMailbox {
    return {
      name: maildir,
      list: () => this.#list(maildir),
      open: (key) => this.#open(key),
      remove: (key) => this.#remove(key),
    };
  }

  async #list(maildir: string): Promise<readonly MailboxMail[]> {
    const keys = (await this.#keys(maildir)).sort(byArrival).slice(0, MAILS_MAX);
    const sizes = new Map<string, number>();
    await inParallel(keys, READS_AT_ONCE, async (key) => {
      // On a bucket a mail lies here before it is ours: taken now, it would come once more when it is handed in again.
      const size = (await takeable(this.#store, key)) ? await this.#sizeOf(key) : undefined;
      if (size !== undefined) sizes.set(key, size);
    });
    // One without a size has been taken away by a mail program since it was listed.
    return keys.flatMap((key) => {
      const size = sizes.get(key);
      return size === undefined ? [] : [{ key, size, uid: uidOf(key) }];
    });
  }

  /** A mail program beside us may have moved it from new/ to cur/, or changed its flags. */
  async #open(key: string): Promise<Body | undefined> {
    const body = await this.#store.get(key);
    if (body) return body;
    const moved = await this.#find(key);
    return moved === undefined ? undefined : this.#store.get(moved);
  }

  async #remove(key: string): Promise<void> {
    await this.#store.remove((await this.#find(key)) ?? key);
    this.#sizes.delete(nameOf(key));
  }

  async #find(key: string): Promise<string | undefined> {
    const maildir = key.split('/').slice(0, -2).join('/');
    return (await this.#keys(maildir)).find((other) => nameOf(other) === nameOf(key));
  }

  async #keys(maildir: string): Promise<string[]> {
    const keys: string[] = [];
    for (const folder of ['new', 'cur']) {
      for (let after: string | undefined; ; ) {
        const page = await this.#store.list(`${maildir}/${folder}/`, after === undefined ? {} : { after });
        after = page.at(-1)?.key;
        if (after === undefined) break;
        keys.push(...page.map(({ key }) => key));
      }
    }
    return keys;
  }

  async #sizeOf(key: string): Promise<number | undefined> {
    const known = this.#sizes.get(nameOf(key));
    if (known !== undefined) return known;
    const body = await this.#open(key);
    if (!body) return undefined;
    const counter = new Pop3Size();
    for await (const chunk of body.read()) counter.write(chunk);
    if (this.#sizes.size >= SIZES_MAX) this.#sizes.clear();
    this.#sizes.set(nameOf(key), counter.size);
    return counter.size;
  }
}

/** The file's name without its flags, which it keeps for ever. */
const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1).replace(/:2,.*$/, '');

const secondsOf = (key: string): number => Number.parseInt(nameOf(key), 10) || 0;
const byArrival = (one: string, other: string): number =>
  secondsOf(one) - secondsOf(other) || (nameOf(one) < nameOf(other) ? -1 : 1);

/** File names may be longer than POP3 allows. */
const uidOf = (key: string): string => createHash('sha256').update(nameOf(key)).digest('hex').slice(0, 32);
