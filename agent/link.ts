/** Which link is up: the first of `[[link]]` that matches; none: "default". What it costs, and what it may carry. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import type { AgentConfig, LinkConfig } from './config.ts';

/** A link that nothing is known of. */
export const DEFAULT_LINK: LinkConfig = { name: 'default' };

/** A program that says nothing for this long says no. */
const COMMAND_MS = 10_000;

/** `name`: what the operator says instead. Throws Exit 64 for a name that no link has. */
export async function chooseLink(config: AgentConfig, name?: string): Promise<LinkConfig> {
  if (name !== undefined) return linkByName(config, name);
  let route: Promise<DefaultRoute | undefined> | undefined;
  for (const link of config.link) {
    route ??= defaultRoute();
    if (await matches(link, route)) return link;
  }
  // With no way out at all, the first that can be dialled.
  const dialled = config.link.find((link) => link.connect !== undefined);
  return dialled && (await (route ?? defaultRoute())) === undefined ? dialled : DEFAULT_LINK;
}

function linkByName(config: AgentConfig, name: string): LinkConfig {
  const link = [...config.link, DEFAULT_LINK].find((one) => one.name === name);
  if (link) return link;
  const names = config.link.map((one) => one.name).join(', ');
  throw new Exit(EXIT.usage, `no link "${name}" in ${config.file}${names && `; there are: ${names}`}`);
}

/** All that `match` names must hold; a link without it is for the operator to name. */
async function matches({ match }: LinkConfig, route: Promise<DefaultRoute | undefined>): Promise<boolean> {
  if (!match || Object.keys(match).length === 0) return false;
  const { interface: device, gateway, ssid, command } = match;
  if (device !== undefined && (await route)?.device !== device) return false;
  if (gateway !== undefined && (await route)?.gateway !== gateway) return false;
  if (ssid !== undefined && (await output(['iwgetid', '--raw'])) !== ssid) return false;
  return command === undefined || (await output(command)) !== undefined;
}

/** The interface that all else leaves by; undefined when nothing does. */
export const defaultDevice = async (): Promise<string | undefined> => (await defaultRoute())?.device;

interface DefaultRoute {
  readonly device: string;
  /** Empty on a point-to-point line. */
  readonly gateway: string;
}

/** The default route with the smallest metric; also one of IPv6, where there is no other. */
async function defaultRoute(): Promise<DefaultRoute | undefined> {
  const routes = parseRoutes(await readFile('/proc/net/route', 'latin1'));
  if (routes) return routes;
  const [, gateway = '', device = ''] =
    /^default(?: via (\S+))? dev (\S+)/.exec((await output(['ip', '-6', 'route'])) ?? '') ?? [];
  return device ? { device, gateway } : undefined;
}

/** Of /proc/net/route: addresses are hexadecimal, in the byte order of the machine. */
export function parseRoutes(text: string): DefaultRoute | undefined {
  const [, ...lines] = text.trim().split('\n');
  const routes = lines
    .map((line) => line.split('\t').map((word) => word.trim()))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .toSorted((a, b) => Number(a[6]) - Number(b[6]));
  const [device, , gateway = ''] = routes[0] ?? [];
  return device === undefined ? undefined : { device, gateway: addressOf(gateway) };
}

function addressOf(hex: string): string {
  const address =
    hex
      .match(/../g)
      ?.map((byte) => Number.parseInt(byte, 16))
      .toReversed()
      .join('.') ?? '';
  return isIPv4(address) && address !== '0.0.0.0' ? address : '';
}

/** What a program says, if it exits with 0. */
function output([file = '', ...args]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) =>
    execFile(file, args, { timeout: COMMAND_MS }, (error, stdout) => resolve(error ? undefined : stdout.trim())),
  );
}
