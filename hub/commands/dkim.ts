/** `hub dkim`: the key that our mail is signed with, and the record that other servers check it by. */
import { promises as dns } from 'node:dns';
import { type Command, EXIT, Exit } from '../../shared/io/command-line.ts';
import type { HubConfig } from '../config.ts';
import { type DkimRecord, dkimRecord, loadDkim, makeDkimKey } from '../dkim.ts';

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
    const state = await published(record);
    if (call.json) call.out(JSON.stringify({ ...record, made, published: state === 'there', state }));
    else {
      if (made) call.out(`the key was made: ${config.dkim.key_file}; every hub of this domain needs the same`);
      call.out(zoneLine(record));
      call.out(WORDS[state]);
    }
    return state === 'there' ? EXIT.ok : EXIT.later;
  },
};

type State = 'there' | 'missing' | 'another' | 'unanswered';

const WORDS: Readonly<Record<State, string>> = {
  there: 'the DNS has this record: receivers can check what is signed',
  missing: 'the DNS has no such record yet: add it where the domain is kept, then run this again',
  another: 'the DNS has another record by that name: put this one in its place',
  unanswered: 'the DNS did not answer: try again',
};

async function published({ name, text }: DkimRecord): Promise<State> {
  try {
    const records = await dns.resolveTxt(name);
    return records.some((parts) => bare(parts.join('')) === bare(text)) ? 'there' : 'another';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTFOUND' || code === 'ENODATA' ? 'missing' : 'unanswered';
  }
}

const bare = (text: string): string => text.replace(/\s/g, '');

/** One string of a TXT record holds 255 bytes. */
function zoneLine({ name, text }: DkimRecord): string {
  const parts = text.match(/.{1,250}/g) ?? [];
  return `${name}. IN TXT ( ${parts.map((part) => `"${part}"`).join(' ')} )`;
}
