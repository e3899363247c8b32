/** The services as systemd sees them: their units, what they say of themselves, and what the packages bring beside the programs. */
import { execFileSync, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT, version } from '../../tools/project.ts';
import { officeFolder } from '../support/office-folder.ts';
import { hasPeer } from '../support/peers.ts';
import { Daemon, done, run, runProgram } from '../support/program.ts';
import { until } from '../support/until.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-service-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each(['hub', 'agent'] as const)('%s', (program) => {
  test.skipIf(!hasPeer('systemd'))('systemd understands the unit, and finds it little exposed', async () => {
    const unit = `fieldpost-${program}.service`;
    await mkdir(join(folder, 'usr/lib/systemd/system'), { recursive: true });
    await mkdir(join(folder, `usr/lib/fieldpost-${program}`));
    await cp(`${ROOT}infra/systemd/${unit}`, join(folder, 'usr/lib/systemd/system', unit));
    for (const target of ['sysinit', 'basic', 'shutdown', 'multi-user', 'network', 'network-online'])
      await writeFile(join(folder, `usr/lib/systemd/system/${target}.target`), `[Unit]\nDescription=${target}\n`);
    await writeFile(join(folder, `usr/lib/fieldpost-${program}/node`), '#!/bin/sh\n', { mode: 0o755 });
    const verified = await run('systemd-analyze', ['verify', `--root=${folder}`, unit]);
    expect(verified.err.split('\n').filter((line) => line.includes('fieldpost'))).toEqual([]);
    const { out } = await run('systemd-analyze', ['security', '--offline=true', `${ROOT}infra/systemd/${unit}`]);
    expect(Number(/exposure level for \S+: (\d+\.\d)/.exec(out)?.[1])).toBeLessThanOrEqual(1.8);
  });

  test('says its version, and completes its commands and options in bash', async () => {
    expect(done(await runProgram(program, ['--version'])).out).toBe(`${program} ${await version()}\n`);
    const script = join(folder, 'completion');
    await writeFile(script, done(await runProgram(program, ['--completion'])).out);
    const complete = (...words: readonly string[]): readonly string[] => {
      const line = [program, ...words].map((word) => `'${word}'`).join(' ');
      const ask = `. ${script}; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _fieldpost_${program}; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split(' ').sort();
    };
    expect(complete('fs')).toEqual(['fsck']);
    expect(complete('fsck', '--')).toEqual(['--config', '--copied', '--help', '--json', '--quick', '--repair']);
    expect(complete('user', 're')).toEqual(['remove']);
  });

  test('its manual page has every command of its help, and no line that roff would take for an order', async () => {
    const page = done(await runProgram(program, ['--man'])).out;
    const help = done(await runProgram(program, ['--help'])).out;
    const commands = [...help.matchAll(new RegExp(`^ {2}(${program} .*)$`, 'gm'))].map(([, usage = '']) => usage);
    expect(commands.length).toBeGreaterThan(10);
    for (const usage of commands) expect(page).toContain(`.SS\n${usage.replaceAll('-', '\\-')}\n`);
    const orders = page.split('\n').flatMap((line) => /^[.'](\w*)/.exec(line)?.slice(1) ?? []);
    expect(new Set(orders)).toEqual(new Set(['TH', 'SH', 'SS', 'B', 'I', 'TP', 'BI', 'PP', 'nf', 'fi']));
  });
});

/** As systemd hears: datagrams, and what comes with them is let go of. Perl is in every Debian. */
const LISTENER =
  '$| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un($ARGV[0])); while (defined recv(S, $b, 4096, 0)) { print "$b\\n" }';

test.skipIf(!hasPeer('systemd'))(
  'the service manager hears that the agent is ready, and then that it lives',
  async () => {
    const office = await officeFolder('interval = "off"\n');
    const socket = join(folder, 'notify');
    const listener = spawn('perl', ['-MSocket', '-e', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = '';
    listener.stdout.on('data', (chunk: Buffer) => {
      heard += chunk;
    });
    try {
      await until(
        async () => ((await run('test', ['-S', socket])).code === 0 ? true : undefined),
        async () => 'no socket',
      );
      const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' };
      const daemon = await Daemon.start('agent', ['run', '--config', office.config], join(folder, 'log'), env);
      const times = (word: string): number => heard.split(word).length - 1;
      await until(
        async () => (times('WATCHDOG=1') > 2 ? true : undefined),
        async () => heard,
      );
      expect([times('READY=1'), times('STATUS=serves')]).toEqual([1, 1]);
      expect(heard.indexOf('READY=1')).toBeLessThan(heard.indexOf('WATCHDOG=1'));
      expect(await daemon.stop()).toBe(0);
    } finally {
      listener.kill();
      await office.close();
    }
  },
);
