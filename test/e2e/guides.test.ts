/** What the guides tell people to type exists. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { loadAgentConfig } from '../../agent/config.ts';
import { loadHubConfig } from '../../hub/config.ts';
import type { ProgramName } from '../../tools/build.ts';
import { ROOT } from '../../tools/project.ts';
import { done, runProgram } from '../support/program.ts';

const GUIDES = ['README.md', 'infra/VPS.md', 'infra/LAPTOP.md', 'infra/CARRIERS.md', 'infra/REPAIR.md', 'CHANGELOG.md'];
const texts = await Promise.all(GUIDES.map((guide) => readFile(`${ROOT}${guide}`, 'utf8')));

/** `hub office add herat …` in backticks, or on an indented line of its own. */
function commandsIn(text: string, program: ProgramName): readonly string[] {
  const inline = [...text.matchAll(new RegExp(`\`${program} ([a-z][^\`]*)\``, 'g'))];
  const lines = [...text.matchAll(new RegExp(`^ {4}${program} ([a-z].*)$`, 'gm'))];
  return [...inline, ...lines].map(([, words = '']) => words);
}

test.each(['hub', 'agent'] as const)('every command of %s that a guide names is one', async (program) => {
  const { out } = done(await runProgram(program, ['--help']));
  const known = [...out.matchAll(new RegExp(`^ {2}${program} ([a-z-]+(?: [a-z-]+)?)`, 'gm'))].map(
    ([, words = '']) => words,
  );
  expect(known.length).toBeGreaterThan(5);
  const named = texts.flatMap((text) => commandsIn(text, program));
  expect(named.length).toBeGreaterThan(5);
  const unknown = named.filter(
    (words) => !known.some((command) => words === command || words.startsWith(`${command} `)),
  );
  expect(unknown).toEqual([]);
});

test('the example configurations are understood', () => {
  expect(loadHubConfig(`${ROOT}infra/examples/kabul/hub.toml`).hostname).toBe('kabul.example.org');
  for (const office of ['mazar', 'herat', 'farah'])
    expect(loadAgentConfig(`${ROOT}infra/examples/${office}/agent.toml`).office).toBe(office);
});
