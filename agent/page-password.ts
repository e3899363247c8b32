/** `agent page password`: the one password of the page, for whoever looks after the office's mail. */
import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { ACCOUNT, makeAccount } from '../shared/io/accounts.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import { newPassword, passwordOf } from '../shared/io/password.ts';
import { type Store, StoreError } from '../shared/io/store.ts';
import type { Agent, AgentCommand } from './agent.ts';
import { alone } from './alone.ts';

const KEY = 'page';

export const PAGE = z.strictObject({
  /** Signs the cookies of those who are logged in. */
  secret: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  password: z.optional(ACCOUNT),
});
export type PageSecrets = z.infer<typeof PAGE>;

export const pageCommand: AgentCommand = {
  words: 'page password',
  usage: '[--password-stdin]',
  summary: 'makes a new password for the page, and prints it; who is logged in must log in again',
  help: '  --password-stdin  the password is the first line of standard input\n\nThe page is at the address that `page` in [listen] names. With this password one sees and does all that the page can do;\nwho has a password by `agent user add` sees their own mail there.',
  options: { 'password-stdin': { type: 'boolean' } },
  takes: [0, 0],
  run: async (desk, { options, out, readFile }) => {
    const agent = await desk.open();
    const given = options['password-stdin'] === true ? passwordOf(await readFile('-')) : undefined;
    const password = await setPagePassword(agent, given);
    out(given === undefined ? `password of the page: ${password}` : 'the page has a new password');
    return undefined;
  },
};

/** Answers it. Every session ends. */
async function setPagePassword(agent: Agent, password = newPassword()): Promise<string> {
  const account = await makeAccount(password);
  await alone(agent, 'page', () => write(agent.store, { secret: newSecret(), password: account }));
  return password;
}

/** For an office that has none yet; undefined when it has one. */
export async function firstPagePassword(agent: Agent): Promise<string | undefined> {
  return (await read(agent.store))?.password ? undefined : setPagePassword(agent);
}

/** Makes the secret at the first call. */
export async function pageSecrets(agent: Agent): Promise<PageSecrets> {
  const found = await read(agent.store);
  if (found) return found;
  return alone(agent, 'page', async () => {
    const now = await read(agent.store);
    const made = now ?? { secret: newSecret() };
    if (!now) await write(agent.store, made);
    return made;
  });
}

const newSecret = (): string => randomBytes(32).toString('hex');

const write = (store: Store, page: PageSecrets): Promise<void> => store.put(KEY, textBody(JSON.stringify(page)));

async function read(store: Store): Promise<PageSecrets | undefined> {
  const body = await store.get(KEY);
  if (!body) return undefined;
  const page = PAGE.safeParse(parseJson((await readBody(body)).toString()));
  if (page.success) return page.data;
  throw new StoreError(`${KEY} in the data folder is damaged: remove it, then run 'agent page password'`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
