import { describe, expect, test } from 'vitest';
import { RULES } from './import-rules.ts';
import { importsOf, type Source, sources } from './sources.ts';

const product = sources('hub/*.ts', 'hub/*.tsx', 'agent/*.ts', 'agent/*.tsx', 'shared/*.ts');

describe('the product keeps the rules of the house', () => {
  for (const { rule, because, breaches } of RULES) {
    test(`${rule}: ${because}`, () => {
      const found = product.flatMap((source) => breaches(source).map((what) => `${source.path}: ${what}`));
      expect(found).toEqual([]);
    });
  }
});

/** A rule that finds nothing anywhere holds nothing: each must find its own breach. */
const BREACHES: readonly (readonly [path: string, text: string])[] = [
  ['hub/x.ts', "import { sync } from '../agent/sync.ts';"],
  ['agent/x.ts', "import {\n  relay,\n} from '../hub/relay.ts';"],
  ['shared/core/x.ts', "import { accept } from '../io/accept.ts';"],
  ['shared/io/x.ts', "import { hub } from '../../hub/hub.ts';"],
  ['shared/core/x.ts', "import { readFile } from 'node:fs/promises';"],
  ['shared/core/x.ts', 'export const now = () => Date.now();'],
  ['hub/relay.ts', "import { S3Client } from '@aws-sdk/client-s3';"],
  ['agent/run.ts', "export const f = async () => (await import('undici')).fetch;"],
  ['agent/run.ts', "import * as z from 'zod';"],
  ['hub/serve.ts', 'export const stop = () => process.exit(1);'],
  ['agent/run.ts', "import { open } from 'node:fs/promises';\nawait open(path, 'wx');"],
];

describe('each rule finds its breach', () => {
  test.each(BREACHES.map(([path, text], index) => ({ rule: RULES[index]?.rule ?? 'no rule', path, text, index })))(
    '$rule',
    ({ path, text, index }) => {
      const source: Source = { path, text, imports: importsOf(path, text) };
      expect(RULES[index]?.breaches(source)).not.toEqual([]);
    },
  );

  test('every rule has one', () => expect(BREACHES).toHaveLength(RULES.length));
});
