/** What may be a key: the charset and the segments of the store's contract, so that no key can leave its place. */
import { StoreError } from './store.ts';

const SEGMENT = /^(?!tmp$)[A-Za-z0-9_,:=@+-][A-Za-z0-9._,:=@+-]{0,199}$/;
const KEY_BYTES_MAX = 900;

export const isSegment = (name: string): boolean => SEGMENT.test(name);

export const isKey = (key: string): boolean => key.length <= KEY_BYTES_MAX && key.split('/').every(isSegment);

export function checkKey(key: string): void {
  if (!isKey(key)) throw new StoreError(`${JSON.stringify(key.slice(0, 200))} is not a key of a store`);
}

/** A prefix of keys that ends in `/`; the empty one is the whole store. */
export function checkPrefix(prefix: string): void {
  if (prefix === '' || (prefix.endsWith('/') && isKey(prefix.slice(0, -1)))) return;
  throw new StoreError(`${JSON.stringify(prefix.slice(0, 200))} is not a prefix of keys that ends in /`);
}

export const LIMIT_MAX = 1000;

export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return;
  throw new StoreError(`a page of a listing has 1 to ${LIMIT_MAX} keys, not ${limit}`);
}
