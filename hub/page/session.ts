/** Who has logged in to the page: a signed cookie, and a token in each form that no other site can know. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { readAccounts } from '../../shared/io/accounts.ts';
import { formFields } from '../../shared/page/form.ts';
import type { Hub } from '../hub.ts';
import { PAGE_ACCOUNT } from '../people.ts';

export type PageEnv = { Variables: { token: string | undefined } };
export type PageContext = Context<PageEnv>;

const COOKIE = 'fieldpost-hub';
const HOURS = 12;
const FORM_BYTES_MAX = 50_000;

/** The token of the forms of whoever is logged in. A new password ends every session: the cookie names the old one's salt. */
export async function tokenOf(hub: Hub, secret: string, c: PageContext): Promise<string | undefined> {
  const value = await getSignedCookie(c, secret, COOKIE);
  if (!value) return undefined;
  const [salt, issued] = value.split('|');
  const age = hub.now() - Number(issued);
  const account = (await readAccounts(hub.store)).get(PAGE_ACCOUNT);
  if (!(age >= 0 && age < HOURS * 3_600) || !account || account.salt !== salt) return undefined;
  return createHmac('sha256', secret).update(`form|${value}`).digest('hex');
}

/** None of a form that is too long. */
export const fieldsOf = async (c: PageContext): Promise<URLSearchParams> =>
  (await formFields(c.req, FORM_BYTES_MAX)) ?? new URLSearchParams();

/** Whether a form is of the page that this visitor saw. */
export function isOwn(c: PageContext, fields: URLSearchParams): boolean {
  const [token = '', given] = [c.get('token'), fields.get('token') ?? ''];
  return (
    token !== '' && given.length === token.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(token))
  );
}

export async function begin(hub: Hub, secret: string, c: PageContext, salt: string): Promise<void> {
  const maxAge = HOURS * 3_600;
  const options = { path: '/', httpOnly: true, sameSite: 'Strict', maxAge } as const;
  await setSignedCookie(c, COOKIE, `${salt}|${hub.now()}`, secret, options);
}

export const end = (c: PageContext): void => void deleteCookie(c, COOKIE, { path: '/' });
