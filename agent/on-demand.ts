/**
 * A link that is dialled for a sync and hung up after it (`connect`, `disconnect`). That it is up is noted before the dialling: a call that
 * a crash left open is hung up at the next start, for it costs money.
 */
import { readBody, textBody } from '../shared/io/body.ts';
import { run } from '../shared/io/carrier.ts';
import type { Agent } from './agent.ts';
import type { LinkConfig } from './config.ts';

/** The link could not be brought up. The message says why, in the program's own words. */
export class NotConnected extends Error {}

const DIALLED = 'dialled';
const CONNECT_SECONDS = 120;
const DISCONNECT_SECONDS = 30;

/** Runs `work` with the link up. Throws NotConnected before it when there is no way to bring it up. */
export async function onDemand<T>(
  agent: Agent,
  { link, signal }: { readonly link: LinkConfig; readonly signal: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const { connect: [program = '', ...words] = [], connect_timeout: seconds = CONNECT_SECONDS } = link;
  if (program === '') return work();
  await agent.store.put(DIALLED, textBody(link.name));
  try {
    agent.log.info('the link is dialled', { link: link.name, program });
    const { ended, said } = await run({ program, words, seconds, ...(signal ? { signal } : {}) }, undefined);
    if (ended !== 'exit code 0')
      throw new NotConnected(
        `link ${link.name} could not be brought up: ${program}: ${ended}${said && `; it said: ${said}`}`,
      );
    return await work();
  } finally {
    await hangUp(agent, link);
  }
}

/** At a start: what a crash may have left up. */
export async function hangUpLeftOver(agent: Agent): Promise<void> {
  const body = await agent.store.get(DIALLED);
  if (!body) return;
  const name = (await readBody(body, 1_000)).toString();
  const link = agent.config.link.find((one) => one.name === name);
  if (link) await hangUp(agent, link);
  else await agent.store.remove(DIALLED);
}

/** Also when the stop of the program is what ended the sync: nobody else hangs up. */
async function hangUp(
  { store, log }: Agent,
  { name, disconnect: [program = '', ...words] = [] }: LinkConfig,
): Promise<void> {
  if (program !== '') {
    const { ended, said } = await run({ program, words, seconds: DISCONNECT_SECONDS }, undefined);
    if (ended !== 'exit code 0') {
      log.error('the link could not be hung up: see to it, it may cost money', { link: name, program, ended, said });
      return;
    }
    log.info('the link is hung up', { link: name });
  }
  await store.remove(DIALLED);
}
