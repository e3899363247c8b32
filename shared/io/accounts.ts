/**
 * Who may submit and read here with a password: names and scrypt hashes, one small record of the store. At an office a
 * name that has an account is a user there, also before the hub's directory says so; at the hub, who is posted there can have one.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';
import { readBody, textBody } from './body.ts';
import { type Store, StoreError } from './store.ts';

const KEY = 'accounts';

export const ACCOUNT = z.strictObject({
  salt: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});
export const ACCOUNTS = z.array(z.tuple([z.string(), ACCOUNT]));

export type Account = z.infer<typeof ACCOUNT>;
export type Accounts = ReadonlyMap<string, Account>;

/** Some ten thousand people. */
const BYTES_MAX = 4_000_000;

export async function readAccounts(store: Store): Promise<Accounts> {
  const body = await store.get(KEY);
  if (!body) return new Map();
  const accounts = ACCOUNTS.safeParse(parseJson((await readBody(body, BYTES_MAX)).toString()));
  if (accounts.success) return new Map(accounts.data);
  throw new StoreError(`${KEY} in the store is damaged: remove it, then give each person a password again`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const writeAccounts = (store: Store, accounts: Accounts): Promise<void> =>
  store.put(KEY, textBody(JSON.stringify([...accounts])));

export async function makeAccount(password: string): Promise<Account> {
  const salt = randomBytes(16);
  return { salt: salt.toString('hex'), hash: (await derive(password, salt)).toString('hex') };
}

/** Takes as long for a name that nobody has, so that names cannot be found out by the clock. */
export async function passwordFits(accounts: Accounts, name: string, password: string): Promise<boolean> {
  const account = accounts.get(name);
  const derived = await derive(password, Buffer.from(account?.salt ?? '0'.repeat(32), 'hex'));
  return account !== undefined && timingSafeEqual(derived, Buffer.from(account.hash, 'hex'));
}

/** 16 MB and some 50 ms: guessing is slow, and a small laptop can still serve several people. */
const COST: ScryptOptions = { N: 16_384, r: 8, p: 1 };

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password, salt, 32, COST, (error, key) => (error ? reject(error) : resolve(key))),
  );
}
