/**
 * A laptop's network as a namespace of the kernel: one interface, `link0`, whose default route leads to this machine, which has an
 * address "in the world" beyond it. Needs root, ip and nft.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { hasPeer } from './peers.ts';

/** Whether namespaces can be made here; a test that needs them is skipped by name where not. */
export const mayMakeNamespaces = (): boolean => process.getuid?.() === 0 && hasPeer('nft');

export class Laptop {
  readonly #name = `fp-${process.pid}`;
  readonly #servers: Server[] = [];
  /** This machine in the network of the link itself. */
  readonly near = `10.77.${process.pid & 255}.1`;
  /** Beyond the link's own network. */
  readonly world = `10.78.${(process.pid >> 8) & 255}.${(process.pid & 127) + 100}`;

  static async open(): Promise<Laptop> {
    const laptop = new Laptop();
    const here = `fph${process.pid}`;
    await ip('netns', 'add', laptop.#name);
    await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', 'link0', 'netns', laptop.#name);
    await ip('addr', 'add', `${laptop.near}/24`, 'dev', here);
    await ip('addr', 'add', `${laptop.world}/32`, 'dev', here);
    await ip('link', 'set', here, 'up');
    await laptop.run('ip', 'link', 'set', 'lo', 'up');
    await laptop.run('ip', 'addr', 'add', `10.77.${process.pid & 255}.2/24`, 'dev', 'link0');
    await laptop.run('ip', 'link', 'set', 'link0', 'up');
    await laptop.linkUp();
    return laptop;
  }

  linkUp(): Promise<string> {
    return this.run('ip', 'route', 'add', 'default', 'via', this.near);
  }

  linkDown(): Promise<string> {
    return this.run('ip', 'route', 'del', 'default');
  }

  /** Runs a command there; answers what it says. Throws when it fails. */
  run(...words: readonly string[]): Promise<string> {
    return ip('netns', 'exec', this.#name, ...words);
  }

  /** The same process there, so that a signal reaches it. */
  spawn(...words: readonly string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.#name, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** A port at that address that takes all calls, or hands them on to a port of the loopback. Answers it. */
  async listen(address: string, to?: number): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      if (to === undefined) return void socket.end('hello\n');
      const onward = connect(to, '127.0.0.1').on('error', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return (server.address() as AddressInfo).port;
  }

  /** Whether another program there reaches it. */
  async reaches(address: string, port: number): Promise<boolean> {
    try {
      await this.run('timeout', '3', 'bash', '-c', `read -r line < /dev/tcp/${address}/${port}`);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether our table is there. */
  async isLocked(): Promise<boolean> {
    return (await this.run('nft', 'list', 'tables')).includes('inet fieldpost');
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    await ip('netns', 'del', this.#name);
  }
}

const exec = promisify(execFile);

async function ip(...words: readonly string[]): Promise<string> {
  return (await exec('ip', [...words])).stdout;
}
