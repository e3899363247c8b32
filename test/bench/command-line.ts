/** What `npm run bench` is asked for. */
import { parseArgs } from 'node:util';
import { type BenchName, CASES } from './cases.ts';
import { PEERS } from './peers.ts';

const USAGE = `usage: npm run bench -- BENCH [BENCH...] [--peers NAME,NAME] [--cases WORDS] [--corpus FOLDER] [--json] [--svg FILE]
       npm run bench -- --from FILE [--from FILE...] [--svg FILE]
  BENCH            ${Object.keys(CASES).join(', ')}
  --peers a,b      only peers whose names contain one of these words, in any case:
                   ${PEERS.map(({ name }) => name).join(', ')}
  --cases WORDS    only cases whose names contain them
  --corpus FOLDER  the mails; otherwise ../shared/corpus/office-day
  --json           a line {bench, case, peer, metric, value, unit} for each figure, instead of the table
  --svg FILE       draws the picture of the README
  --from FILE      the lines of an earlier run, instead of a new one; of a figure that is there twice the last counts
Bytes are TCP payload of both ways, handshakes included. A peer whose programs are not installed is skipped.`;

const isBench = (word: string): word is BenchName => word in CASES;

function parse() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: 'string', default: '' },
      cases: { type: 'string', default: '' },
      corpus: { type: 'string', default: '../shared/corpus/office-day' },
      from: { type: 'string', multiple: true, default: [] },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const benches = positionals.filter(isBench);
  const stranger = positionals.find((word) => !isBench(word));
  if (stranger) throw new Error(`there is no bench ${stranger}`);
  if (benches.length === 0 && values.from.length === 0) throw new Error('no bench is named');
  return { ...values, benches };
}

/** Ends the program with the usage when it cannot be understood. */
export function commandLine(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(64);
  }
}
