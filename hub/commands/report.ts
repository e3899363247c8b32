/** `hub report [MONTH]`: what the offices' mail was, what the line carried of it, and what that saved. */
import { EXIT, Exit } from '../../shared/io/command-line.ts';
import { monthOf } from '../contact.ts';
import type { HubCommand } from '../hub.ts';
import { monthOfOffices, reportLines } from '../month-report.ts';

export const reportCommands: readonly HubCommand[] = [
  {
    words: 'report',
    usage: '[MONTH] [--json]',
    summary: 'what the mail of each office was in a month, what the line carried of it, and what that saved',
    help: `MONTH is such as 2026-11 (default: this one). When a month is over, postmaster gets this by mail.

  hub report 2026-10`,
    takes: [0, 1],
    reports: true,
    run: async (hub, { positionals: [month = monthOf(hub.now())], json, out }) => {
      if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Exit(EXIT.usage, `"${month}" is no month, such as 2026-11`);
      await hub.directory.refresh();
      const offices = await monthOfOffices(hub, month);
      if (json) out(JSON.stringify({ month, offices }));
      else if (offices.length === 0) out(`no office called in ${month}`);
      else for (const line of reportLines(offices)) out(line);
      return EXIT.ok;
    },
  },
];
