/**
 * Who looks at the page. A signed cookie says who logged in, when, and with which password (its salt), so a new password ends
 * every session. Each form carries a token made of the cookie, which no other site can know.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { type Account, passwordFits, readAccounts } from '../../shared/io/accounts.ts';
import type { Agent } from '../agent.ts';
import { pageSecrets } from '../page-password.ts';
import { logIn } from '../people.ts';
import type { Words } from './words/en.ts';

export interface Visitor {
  /** Whose mail is shown; undefined for the officer, who sees all. */
  readonly name?: string;
  /** For the forms of the page. */
  readonly token: string;
}

export type PageEnv = { Bindings: HttpBindings; Variables: { words: Words; visitor: Visitor | undefined } };
export type PageContext = Context<PageEnv>;

const COOKIE = 'fieldpost';
const HOURS = 12;
/** The officer's place where a name stands; no mailbox has it. */
const OFFICER = '';

export async function visitorOf(context: PageContext, agent: Agent): Promise<Visitor | undefined> {
  const { secret, password } = await pageSecrets(agent);
  const value = await getSignedCookie(context, secret, COOKIE);
  if (!value) return undefined;
  const [name = '', salt, issued] = value.split('|');
  const age = agent.now() - Number(issued);
  if (!(age >= 0 && age < HOURS * 3_600)) return undefined;
  const account = name === OFFICER ? password : (await readAccounts(agent.store)).get(name);
  if (!account || account.salt !== salt) return undefined;
  return { ...(name === OFFICER ? {} : { name }), token: tokenOf(secret, value) };
}

const tokenOf = (secret: string, value: string): string =>
  createHmac('sha256', secret).update(`form|${value}`).digest('hex');

export const tokenFits = ({ token }: Visitor, given: string): boolean =>
  given.length === token.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(token));

/** By the password of the page, or a person's name and password. False when it does not fit. */
export async function enter(
  context: PageContext,
  agent: Agent,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<boolean> {
  const found = name === '' ? await officer(agent, password) : await person(agent, name, password);
  if (!found) return false;
  const { secret } = await pageSecrets(agent);
  const value = [found.name, found.account.salt, agent.now()].join('|');
  const maxAge = HOURS * 3_600;
  await setSignedCookie(context, COOKIE, value, secret, { path: '/', httpOnly: true, sameSite: 'Strict', maxAge });
  return true;
}

interface Found {
  readonly name: string;
  readonly account: Account;
}

async function officer(agent: Agent, password: string): Promise<Found | undefined> {
  const { password: account } = await pageSecrets(agent);
  const fits = await passwordFits(new Map(account ? [[OFFICER, account]] : []), OFFICER, password);
  if (!fits) agent.log.warn('somebody gave a wrong password', { door: 'page' });
  return fits && account ? { name: OFFICER, account } : undefined;
}

async function person(agent: Agent, login: string, password: string): Promise<Found | undefined> {
  const name = await logIn(agent, { login, password, door: 'page' });
  const account = name === undefined ? undefined : (await readAccounts(agent.store)).get(name);
  return name !== undefined && account ? { name, account } : undefined;
}

export const leave = (context: PageContext): void => void deleteCookie(context, COOKIE, { path: '/' });
