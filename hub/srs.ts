/**
 * The Sender Rewriting Scheme: mail of strangers that leaves again, by an alias or a list, has an envelope sender of ours, or the
 * next server's SPF would refuse it as forged. A bounce to such a sender finds its way back, for some weeks, and only if the
 * address is one that we made.
 *
 *     friend@example.com              SRS0=hash=day=example.com=friend@example.org
 *     SRS0=x=y=far.example=a@b.test   SRS1=hash=b.test==x=y=far.example=a@example.org
 */
import { createHmac } from 'node:crypto';
import { splitAddress } from '../shared/core/address.ts';
import type { Routed } from '../shared/core/delivery.ts';
import { ownDomain, type Tables } from '../shared/core/tables.ts';
import { refused } from '../shared/core/verdict.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** Other servers change the case of a local part, so a hash has none. */
const HASH_LENGTH = 8;
const DAY_SECONDS = 86_400;
/** Two letters. */
const DAYS = 1_024;
/** Servers try for a week or less; a bounce that comes later is no bounce. */
const DAYS_GOOD = 30;

export interface Srs {
  /** The sender as the next server shall see it. */
  leaving(tables: Tables, sender: string, now: number): string;
  /** Where a bounce to such a sender goes; undefined when the recipient is none. */
  returning(tables: Tables, recipient: string, now: number): Return | undefined;
}

type Return = { readonly recipient: string } | { readonly refusal: Routed };

/** `secret`: the hub's master secret, so that all hubs of a bucket know each other's addresses. */
export function makeSrs(secret: Uint8Array): Srs {
  const key = createHmac('sha256', secret).update('fieldpost srs').digest();
  const hashOf = (text: string): string => {
    const bytes = createHmac('sha256', key).update(text.toLowerCase()).digest();
    return Array.from(bytes.subarray(0, HASH_LENGTH), (byte) => BASE32[byte & 31]).join('');
  };
  return {
    leaving: (tables, sender, now) => {
      const { local, domain } = splitAddress(sender);
      if (sender === '' || ownDomain(tables, domain.toLowerCase())) return sender;
      const again = /^SRS([01])([=+-])(.+)$/i.exec(local);
      if (again) {
        const [, kind, , rest = ''] = again;
        // What was rewritten twice already keeps the first server's part: only the hash is ours.
        const inner = kind === '0' ? `${domain}==${rest}` : rest.slice(rest.indexOf('=') + 1);
        return `SRS1=${hashOf(inner)}=${inner}@${tables.domain}`;
      }
      const inner = `${dayText(now)}=${domain}=${local}`;
      return `SRS0=${hashOf(inner)}=${inner}@${tables.domain}`;
    },
    returning: (tables, recipient, now) => {
      const { local, domain } = splitAddress(recipient);
      const match = /^SRS([01])=([a-z2-7]{8})=(.+)$/i.exec(local);
      if (!match || domain.toLowerCase() !== tables.domain) return undefined;
      const [, kind, hash = '', inner = ''] = match;
      if (hash.toLowerCase() !== hashOf(inner)) return no('there is no such sender here (#5.1.1)');
      return kind === '0' ? firstHand(inner, now) : secondHand(inner);
    },
  };
}

const no = (text: string): Return => ({ refusal: { verdict: refused(text), deliveries: [] } });

function firstHand(inner: string, now: number): Return {
  const [, day = '', domain = '', local = ''] = /^([a-z2-7]{2})=([^=]+)=(.+)$/i.exec(inner) ?? [];
  const age = (((dayOf(now) - dayNumber(day)) % DAYS) + DAYS) % DAYS;
  // A day on which two hubs' clocks disagree.
  if (age > DAYS_GOOD && age !== DAYS - 1) return no('that sender was good for 30 days, which are over (#5.1.1)');
  return { recipient: `${local}@${domain}` };
}

function secondHand(inner: string): Return {
  const [, domain = '', rest = ''] = /^([^=]+)==(.+)$/.exec(inner) ?? [];
  return domain === '' ? no('there is no such sender here (#5.1.1)') : { recipient: `SRS0=${rest}@${domain}` };
}

const dayOf = (now: number): number => Math.floor(now / DAY_SECONDS) % DAYS;

const dayText = (now: number): string => `${BASE32[dayOf(now) >> 5]}${BASE32[dayOf(now) & 31]}`;

const dayNumber = (text: string): number =>
  [...text.toLowerCase()].reduce((sum, letter) => sum * 32 + BASE32.indexOf(letter), 0);
