/** `npm run bench -- wire|cut|small|fanout|time …`: this project beside what else carries mail over a bad line. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { readMails } from '../support/mails.ts';
import { table } from '../support/table.ts';
import { CASES, chooseMails } from './cases.ts';
import { commandLine } from './command-line.ts';
import { measure } from './measure.ts';
import type { Peer } from './peer.ts';
import { fieldpost } from './peers/fieldpost.ts';
import { PEERS } from './peers.ts';
import { picture } from './picture.ts';
import { fateOf, type Metric, metricsOf, type Row, rowsOf } from './results.ts';

const options = commandLine();

/** Those that were asked for and are there; says in a word which are not. */
function presentPeers(): readonly Peer[] {
  const words = options.peers.toLowerCase().split(',');
  const asked = PEERS.filter(({ name }) => words.some((word) => name.toLowerCase().includes(word)));
  return asked.filter(({ name, needs }) => {
    const missing = needs.filter((program) => !existsSync(program));
    if (missing.length > 0) console.error(`${name} is skipped: there is no ${missing.join(', ')}`);
    return missing.length === 0;
  });
}

/** Figures of one case with one peer; a peer that fails is named, and the others go on. */
async function figures(bench: string, one: Parameters<typeof measure>[1], peer: Peer): Promise<readonly Metric[]> {
  try {
    const metrics = metricsOf({ bench, case: one.name, peer: peer.name }, await measure(peer, one));
    console.error(`${one.name}, ${peer.name}: ${rowsOf(metrics).map(fateOf)}`);
    return metrics;
  } catch (error) {
    console.error(`${one.name}, ${peer.name}: not measured: ${(error as Error).message}`);
    return [];
  }
}

async function* run(): AsyncGenerator<Metric> {
  for (const file of options.from)
    for (const line of (await readFile(file, 'utf8')).split('\n').filter(Boolean)) yield JSON.parse(line) as Metric;
  if (options.benches.length === 0) return;
  const mails = chooseMails((await readMails(options.corpus)).map(({ bytes }) => bytes));
  const peers = presentPeers();
  for (const bench of options.benches)
    for (const one of CASES[bench](mails).filter(({ name }) => name.includes(options.cases)))
      for (const peer of peers) yield* await figures(bench, one, peer);
}

const metrics: Metric[] = [];
for await (const metric of run()) {
  metrics.push(metric);
  if (options.json) console.log(JSON.stringify(metric));
}
const rows = rowsOf(metrics);
if (options.svg) {
  const plain = new Set(PEERS.filter(({ encrypted }) => !encrypted).map(({ name }) => name));
  await writeFile(options.svg, picture(rows, { ours: fieldpost.name, plain }));
}
if (!options.json)
  console.log(
    table<Row>(
      [
        ['case', (row) => row.case],
        ['peer', ({ peer }) => peer],
        ['bytes', ({ values }) => values.bytes ?? 0],
        ['calls', ({ values }) => values.connections ?? 0],
        ['turns', ({ values }) => values.turns ?? 0],
        ['seconds', ({ values }) => values.seconds ?? 0],
        ['arrived', fateOf],
      ],
      rows,
    ),
  );
