/** What each person has asked for today, `office/NAME/asked/<person>`; the day is the hub's. */
import * as z from 'zod/mini';
import { foldAddress } from '../shared/core/address.ts';
import { digest } from '../shared/core/mail-id.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import type { Hub } from './hub.ts';

const DAY_SECONDS = 86_400;
/** Requests of one person in a day, so that the record stays small. */
const REQUESTS_MAX = 200;

/** One person's day. */
export const ASKED = z.object({
  day: z.number(),
  /** By request, so that one that is answered again is not charged again. */
  asked: z.array(z.tuple([z.string(), z.number()])),
});

export interface Charge {
  readonly office: string;
  readonly recipient: string;
  /** Names the request. */
  readonly what: string;
  readonly bytes: number;
  /** Bytes a day; 0: any. */
  readonly limit: number;
}

/** Durable when it returns. Undefined: it is within the limit; else when the next day begins, Unix seconds. */
export async function charge(
  { store, now }: Hub,
  { office, recipient, what, bytes, limit }: Charge,
): Promise<number | undefined> {
  const key = `office/${office}/asked/${digest([foldAddress(recipient)]).slice(0, 32)}`;
  const day = Math.floor(now() / DAY_SECONDS);
  const body = await store.get(key);
  const record = body && ASKED.parse(JSON.parse((await readBody(body)).toString()));
  const asked = record?.day === day ? record.asked : [];
  if (asked.some(([request]) => request === what)) return undefined;
  const sum = asked.reduce((total, [, size]) => total + size, bytes);
  if (asked.length >= REQUESTS_MAX || (limit > 0 && sum > limit)) return (day + 1) * DAY_SECONDS;
  await store.put(key, textBody(JSON.stringify({ day, asked: [...asked, [what, bytes]] })));
  return undefined;
}
