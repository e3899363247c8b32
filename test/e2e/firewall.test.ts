/** `firewall = true`, with the kernel's own packet filter and a laptop whose only way out is the link. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../../tools/project.ts';
import { Laptop, mayMakeNamespaces } from '../support/netns.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { until } from '../support/until.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const AGENT = [process.execPath, `${ROOT}dist/agent.cjs`];

interface Office {
  readonly laptop: Laptop;
  readonly config: string;
}

async function office(): Promise<Office> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-firewall-'));
  closing.push(() => rm(folder, { recursive: true }));
  const hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost: '127.0.0.1:1' });
  await hub.start();
  closing.push(() => hub.stop());
  const token = await hub.addOffice('herat');
  done(await hub.command(['user', 'add', 'farid@example.org', 'herat']));
  const laptop = await Laptop.open();
  closing.push(() => laptop.close());
  const more = '[[link]]\nname = "iridium"\nmatch = { interface = "link0" }\nprice_per_mb = 100\nfirewall = true\n';
  const address = `${laptop.world}:${await laptop.listen(laptop.world, hub.syncPort)}`;
  const site = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token, hub: address, more });
  return { laptop, config: site.configFile };
}

/** `agent run` on the laptop, ready. */
async function run({ laptop, config }: Office): Promise<{ child: ChildProcess; ended: Promise<unknown> }> {
  const child = laptop.spawn(...AGENT, 'run', '--config', config);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  closing.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  child.stderr?.resume();
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    if (line.startsWith('{"event":"ready"')) break;
  return { child, ended };
}

test.skipIf(!mayMakeNamespaces())(
  'while the link is up nothing but the sync goes out through it; then, and after the stop, all does',
  async () => {
    const here = await office();
    const { laptop, config } = here;
    const other = await laptop.listen(laptop.world);
    const near = await laptop.listen(laptop.near);
    expect(await laptop.reaches(laptop.world, other)).toBe(true);
    const { child, ended } = await run(here);
    expect(await laptop.isLocked()).toBe(true);
    expect(await laptop.reaches(laptop.world, other)).toBe(false);
    expect(await laptop.reaches(laptop.near, near)).toBe(true);
    expect(JSON.parse(await laptop.run(...AGENT, 'sync', '--json', '--config', config))).toMatchObject({
      ok: true,
      link: 'iridium',
    });
    expect(await laptop.run(...AGENT, 'check', '--config', config)).toMatch(/^firewall +can be set$/m);

    await laptop.linkDown();
    await until(
      async () => !(await laptop.isLocked()) || undefined,
      async () => 'the link is down, and the table is there',
    );
    await laptop.linkUp();
    await until(
      async () => (await laptop.isLocked()) || undefined,
      async () => 'the link is up, and there is no table',
    );
    child.kill('SIGTERM');
    await ended;
    expect(await laptop.isLocked()).toBe(false);
    expect(await laptop.reaches(laptop.world, other)).toBe(true);
  },
  180_000,
);

test.skipIf(!mayMakeNamespaces())(
  'what a crash has left stays shut, and the next start puts it right',
  async () => {
    const here = await office();
    const { laptop } = here;
    const first = await run(here);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await laptop.isLocked()).toBe(true);
    await laptop.linkDown();
    const second = await run(here);
    expect(await laptop.isLocked()).toBe(false);
    second.child.kill('SIGTERM');
    await second.ended;
  },
  180_000,
);
