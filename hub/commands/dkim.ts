/** `hub dkim`: the key that our mail is signed with, and the record that other servers check it by. */
import { type Command, EXIT, Exit } from '../../shared/io/command-line.ts';
import type { HubConfig } from '../config.ts';
import { dkimRecord, loadDkim, makeDkimKey } from '../dkim.ts';
import { dkimFinding } from '../dns-records.ts';

export const dkimCommand: Command<HubConfig> = {
  words: 'dkim',
  usage: '[--json]',
  summary:
    'makes the key that mail is signed with, prints the DNS record that goes with it, and asks whether it is there',
  help: `Put [dkim] into hub.toml first. Exit code 75: the DNS does not have the record yet.

  hub dkim`,
  takes: [0, 0],
  reports: true,
  run: async (config, call) => {
    if (!config.dkim)
      throw new Exit(EXIT.config, `there is no [dkim] in ${config.file}: a line with that word is enough`);
    const made = await makeDkimKey(config.dkim.key_file);
    const key = loadDkim(config);
    if (!key) throw new Error('a [dkim] without a key');
    const record = dkimRecord(key);
    const { ok, text, add } = await dkimFinding(record);
    if (call.json) call.out(JSON.stringify({ ...record, made, published: ok, finding: text }));
    else {
      if (made) call.out(`the key was made: ${config.dkim.key_file}; every hub of this domain needs the same`);
      if (add !== undefined) call.out(add);
      call.out(text);
    }
    return ok ? EXIT.ok : EXIT.later;
  },
};
