/** `agent sync`: one sync now. */
import type { AgentCommand } from './agent.ts';
import { runSync } from './run-sync.ts';
import type { SyncProgress, SyncResult } from './sync.ts';

export const syncCommand: AgentCommand = {
  words: 'sync',
  usage: '[--link NAME] [--up] [--down]',
  summary: 'sends what waits here and fetches what waits at the hub, now',
  help: [
    '  --link NAME    use the limits and prices of this link; default: the first of [[link]] that matches',
    '  --up           only send',
    '  --down         only fetch',
    '',
    'A sync that was cut goes on where it was. Exit code 75: no link, cut, or another sync is running; 77: refused.',
  ].join('\n'),
  options: { link: { type: 'string' }, up: { type: 'boolean' }, down: { type: 'boolean' } },
  takes: [0, 0],
  reports: true,
  run: async (desk, call) => {
    const agent = await desk.open();
    const { link, up, down } = call.options;
    const result = await runSync(agent, {
      ...(typeof link === 'string' ? { linkName: link } : {}),
      ...(up === true ? { up: true } : {}),
      ...(down === true ? { down: true } : {}),
      ...(call.json ? {} : { onProgress: (progress: SyncProgress) => desk.progress(progressLine(progress)) }),
    });
    desk.progress('');
    if (call.json) call.out(JSON.stringify(result));
    else if (result.ok) call.out(summaryOf(result));
    if (result.error !== undefined) desk.say(result.error);
    return result.exit;
  },
};

const progressLine = ({ sent, received, bytesUp, bytesDown }: SyncProgress): string =>
  `up ${sent.mails} mails ${bytesUp} bytes, down ${received.mails} mails ${bytesDown} bytes`;

/** One line for a person. */
function summaryOf({ up, down, seconds, waiting, link }: SyncResult): string {
  const carried = `sent ${up.mails}, received ${down.mails}, ${up.bytesWire + down.bytesWire} bytes on link ${link} in ${seconds} s`;
  const here = waiting.up.mails > 0 ? `; ${waiting.up.mails} still wait here` : '';
  const there = waiting.down && waiting.down.mails > 0 ? `; ${waiting.down.mails} still wait at the hub` : '';
  return `${carried}${here}${there}`;
}
