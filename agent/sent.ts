/**
 * What the hub has taken over lately, and when, so that a person can be told where their mail is. For people to read: no mail
 * hangs on it, and a power cut may lose the lines of one trip.
 */
import { decodeWords } from 'postal-mime';
import * as z from 'zod/mini';
import { fieldValue, HEADER_BYTES_MAX, headerBlock, headerFields } from '../shared/core/headers.ts';
import { readBody, sliceBody, textBody } from '../shared/io/body.ts';
import type { Entry } from '../shared/io/maildir.ts';
import type { Store } from '../shared/io/store.ts';
import type { Agent } from './agent.ts';
import { alone } from './alone.ts';

const KEY = 'sent';

const MAIL = z.object({
  sender: z.string(),
  recipients: z.array(z.string()),
  subject: z.string(),
  bytes: z.int(),
  /** Unix seconds by the hub's clock. */
  time: z.int(),
});
export const SENT = z.array(MAIL);

export type Sent = z.infer<typeof MAIL>;

const KEPT_MAX = 200;
const RECIPIENTS_MAX = 10;
const BYTES_MAX = 2_000_000;

/** The latest first. */
export async function lastSent(store: Store): Promise<readonly Sent[]> {
  const body = await store.get(KEY);
  if (!body) return [];
  const sent = SENT.safeParse(parseJson((await readBody(body, BYTES_MAX)).toString()));
  return sent.success ? sent.data : [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Those of one trip. */
export class SentLog {
  readonly #agent: Agent;
  #sent: Sent[] = [];

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** The hub has taken it. */
  async note({ head, body }: Entry, time: number): Promise<void> {
    const { sender, recipients, size: bytes } = head;
    const subject = await subjectOf(body);
    this.#sent.unshift({ sender, recipients: recipients.slice(0, RECIPIENTS_MAX), subject, bytes, time });
    this.#sent.length = Math.min(this.#sent.length, KEPT_MAX);
  }

  async save(): Promise<void> {
    const fresh = this.#sent;
    this.#sent = [];
    if (fresh.length === 0) return;
    const { store } = this.#agent;
    await alone(this.#agent, 'sent', async () => {
      const kept = [...fresh, ...(await lastSent(store))].slice(0, KEPT_MAX);
      await store.put(KEY, textBody(JSON.stringify(kept)));
    });
  }
}

const SUBJECT_CHARACTERS_MAX = 200;

/** For a person to read; empty when the mail has none. */
export async function subjectOf(body: Entry['body']): Promise<string> {
  const start = await readBody(sliceBody(body, 0, Math.min(body.size, HEADER_BYTES_MAX)), HEADER_BYTES_MAX);
  const subject = decodeWords(fieldValue(headerFields(headerBlock(start)), 'subject') ?? '');
  return subject.slice(0, SUBJECT_CHARACTERS_MAX);
}
