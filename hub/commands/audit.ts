/** `hub audit`: what was changed in the directory, and when. */
import { mailDate } from '../../shared/core/trace.ts';
import { EXIT, Exit } from '../../shared/io/command-line.ts';
import { changeText, recentChanges } from '../audit.ts';
import type { HubCommand } from '../hub.ts';

const SHOWN = 50;
const SHOWN_MAX = 1_000;

export const auditCommands: readonly HubCommand[] = [
  {
    words: 'audit',
    usage: '[--last NUMBER] [--json]',
    summary: 'what was changed in the directory, and when; the newest first',
    help: `  --last NUMBER  how many (default ${SHOWN})\n\n  hub audit --last 10`,
    options: { last: { type: 'string' } },
    takes: [0, 0],
    reports: true,
    run: async (hub, { options, json, out }) => {
      const count = Number(options.last ?? SHOWN);
      if (!Number.isInteger(count) || count < 1 || count > SHOWN_MAX)
        throw new Exit(EXIT.usage, `--last takes a number from 1 to ${SHOWN_MAX}`);
      const changes = await recentChanges(hub.store, count);
      if (json) out(JSON.stringify(changes));
      else if (changes.length === 0) out('nothing has been changed yet');
      else for (const change of changes) out(`${mailDate(change.time).slice(5, 25)}  ${changeText(change)}`);
      return EXIT.ok;
    },
  },
];
