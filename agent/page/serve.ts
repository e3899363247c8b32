/** The page's listener: this machine, and hosts of the trusted subnet. */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { limitConnections } from '../../shared/io/connection-limits.ts';
import { bind } from '../../shared/io/listen.ts';
import type { AgentService } from '../agent.ts';
import { checkReach, trustedHosts } from '../lan.ts';
import { type PageParts, pageApp } from './app.tsx';

const HEADERS_MS = 30_000;
/** A large stick over a slow wireless network takes its time; one that has come to a halt does not. */
const REQUEST_MS = 3_600_000;
const IDLE_MS = 60_000;
/** Each browser that looks at the page holds one or two. */
const CONNECTIONS_MAX = 100;
const PER_ADDRESS_MAX = 25;

/** At the address that the configuration names. */
export async function startPage(parts: Omit<PageParts, 'trusts'>, address: string): Promise<AgentService> {
  const { agent } = parts;
  checkReach(agent, 'page');
  const app = pageApp({ ...parts, trusts: trustedHosts(agent.config) });
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS },
    getRequestListener(app.fetch),
  );
  server.timeout = IDLE_MS;
  limitConnections(server, {
    field: 'listen.page',
    connectionsMax: CONNECTIONS_MAX,
    perAddressMax: PER_ADDRESS_MAX,
    log: agent.log,
  });
  const bound = await bind(server, { field: 'listen.page', address });
  return {
    name: 'page',
    address: bound,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
