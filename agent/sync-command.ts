/** `agent sync`: one sync now. */
import type { Call } from '../shared/io/command-line.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { type Agent, type AgentCommand, type Desk, OUT } from './agent.ts';
import { chooseLink } from './link.ts';
import { moneyText } from './price.ts';
import { progressLine } from './progress.ts';
import { runSync } from './run-sync.ts';
import type { SyncProgress, SyncResult } from './sync.ts';

type Option = Call['options'][string];

export const syncCommand: AgentCommand = {
  words: 'sync',
  usage: '[--link NAME] [--up] [--down] [--force]',
  summary: 'sends what waits here and fetches what waits at the hub, now',
  help: [
    '  --link NAME    use the limits and prices of this link; default: the first of [[link]] that matches',
    '  --up           only send',
    '  --down         only fetch',
    '  --force        also outside of the hours of the link; never beyond its budget or money',
    '',
    'A sync that was cut goes on where it was. Exit code 75: no link, cut, or another sync is running; 77: refused.',
  ].join('\n'),
  options: { link: { type: 'string' }, up: { type: 'boolean' }, down: { type: 'boolean' }, force: { type: 'boolean' } },
  takes: [0, 0],
  reports: true,
  run: async (desk, call) => {
    const agent = await desk.open();
    const { link, up, down, force } = call.options;
    const show = call.json ? undefined : await progressOn(desk, agent, link);
    const result = await runSync(agent, {
      ...(typeof link === 'string' ? { linkName: link } : {}),
      ...(up === true ? { up: true } : {}),
      ...(down === true ? { down: true } : {}),
      ...(force === true ? { force: true } : {}),
      ...(show ? { onProgress: show } : {}),
    });
    desk.progress('');
    if (call.json) call.out(JSON.stringify(result));
    else if (result.ok) call.out(summaryOf(result));
    if (result.error !== undefined) desk.say(result.error);
    return result.exit;
  },
};

/** Shows how far the sync is, several times a second. */
async function progressOn(
  desk: Desk,
  { config, store }: Agent,
  name: Option,
): Promise<(progress: SyncProgress) => void> {
  const link = await chooseLink(config, typeof name === 'string' ? name : undefined);
  const { bytes: bytesWaiting } = await countMaildir(store, OUT);
  const since = performance.now();
  return (progress) =>
    desk.progress(progressLine({ progress, link, bytesWaiting, seconds: (performance.now() - since) / 1_000 }));
}

/** One line for a person. */
function summaryOf(result: SyncResult): string {
  const { up, down, seconds, waiting, link, cost } = result;
  const price = cost > 0 ? `, ${moneyText(cost, result)}` : '';
  const carried = `sent ${up.mails}, received ${down.mails}, ${up.bytesWire + down.bytesWire} bytes on link ${link} in ${seconds} s${price}`;
  const here = waiting.up.mails > 0 ? `; ${waiting.up.mails} still wait here` : '';
  const there = waiting.down && waiting.down.mails > 0 ? `; ${waiting.down.mails} still wait at the hub` : '';
  return `${carried}${here}${there}`;
}
