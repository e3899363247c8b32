/** `npm run bench -- wire|cut|small|fanout|time …`: this project beside what else carries mail over a bad line. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readMails } from '../support/mails.ts';
import { table } from '../support/table.ts';
import { type BenchName, CASES, chooseMails } from './cases.ts';
import { measure } from './measure.ts';
import type { Peer } from './peer.ts';
import { PEERS } from './peers.ts';
import { metricsOf, type Result, verdict } from './results.ts';

const USAGE = `usage: npm run bench -- BENCH [BENCH...] [--peers NAME,NAME] [--cases WORDS] [--corpus FOLDER] [--json]
  BENCH            ${Object.keys(CASES).join(', ')}
  --peers a,b      only peers whose names contain one of these words, in any case: ${PEERS.map(({ name }) => name).join(', ')}
  --cases WORDS    only cases whose names contain them
  --corpus FOLDER  the mails; otherwise ../shared/corpus/office-day
  --json           a line {bench, case, peer, metric, value, unit} for each figure
Bytes are TCP payload of both ways, handshakes included.`;

const isBench = (word: string): word is BenchName => word in CASES;

function commandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        peers: { type: 'string', default: '' },
        cases: { type: 'string', default: '' },
        corpus: { type: 'string', default: '../shared/corpus/office-day' },
        json: { type: 'boolean', default: false },
      },
    });
    if (positionals.length > 0 && positionals.every(isBench)) return { ...values, benches: positionals };
  } catch (error) {
    console.error((error as Error).message);
  }
  console.error(USAGE);
  process.exit(64);
}

/** Those that were asked for and are there; says in a word which are not. */
function present(words: readonly string[]): readonly Peer[] {
  const asked = PEERS.filter(({ name }) => words.some((word) => name.toLowerCase().includes(word.toLowerCase())));
  return asked.filter(({ name, needs }) => {
    const missing = needs.filter((program) => !existsSync(program));
    if (missing.length > 0) console.error(`${name} is skipped: there is no ${missing.join(', ')}`);
    return missing.length === 0;
  });
}

const { benches, peers, cases, corpus, json } = commandLine();
const mails = chooseMails((await readMails(corpus)).map(({ bytes }) => bytes));
const results: Result[] = [];
for (const bench of benches)
  for (const one of CASES[bench](mails).filter(({ name }) => name.includes(cases)))
    for (const peer of present(peers.split(','))) {
      try {
        const result = { bench, case: one.name, peer: peer.name, outcome: await measure(peer, one) };
        results.push(result);
        if (json) for (const metric of metricsOf(result)) console.log(JSON.stringify(metric));
        else console.error(`${one.name}, ${peer.name}: ${result.outcome.bytes.toLocaleString('en-US')} bytes`);
      } catch (error) {
        console.error(`${one.name}, ${peer.name}: not measured: ${(error as Error).message}`);
      }
    }
if (!json)
  console.log(
    table<Result>(
      [
        ['case', (result) => result.case],
        ['peer', ({ peer }) => peer],
        ['bytes', ({ outcome }) => outcome.bytes],
        ['calls', ({ outcome }) => outcome.connections],
        ['turns', ({ outcome }) => outcome.turns],
        ['seconds', ({ outcome }) => Math.round(outcome.seconds * 10) / 10],
        ['arrived', ({ outcome }) => verdict(outcome)],
      ],
      results,
    ),
  );
