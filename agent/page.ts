/**
 * The status page: what `agent status` says, and a button that asks for a sync. For this machine and the trusted subnet alone; a
 * page of somebody else's in the same browser must not press the button, nor read this one under a name of its own.
 */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { splitHostAddress } from '../shared/io/config.ts';
import { bind } from '../shared/io/listen.ts';
import type { Agent, AgentService } from './agent.ts';
import { checkReach, type Trusts, trustedHosts } from './lan.ts';
import type { Schedule } from './schedule.ts';
import { statusLines } from './status.ts';
import { statusReport } from './status-report.ts';

const REQUEST_MS = 30_000;
const CONNECTIONS_MAX = 20;

/** Starts it when the configuration names it. */
export async function startPage(agent: Agent, schedule: Schedule): Promise<AgentService[]> {
  const { page } = agent.config.listen;
  if (page === undefined) return [];
  checkReach(agent, 'page');
  const app = statusPage(agent, schedule, trustedHosts(agent.config));
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    getRequestListener(app.fetch),
  );
  server.maxConnections = CONNECTIONS_MAX;
  const address = await bind(server, { field: 'listen.page', address: page });
  return [
    {
      name: 'page',
      address,
      close: async () => {
        server.close();
        server.closeAllConnections();
      },
    },
  ];
}

function statusPage(agent: Agent, schedule: Schedule, trusts: Trusts): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (context, next) => {
    const socket: Socket = context.env.incoming.socket;
    if (!trusts(socket.remoteAddress ?? '')) return context.text('this page is for the office alone\n', 403);
    if (!isPlainHost(context.req.header('host'))) return context.text('ask for this page by its address\n', 403);
    context.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
    return next();
  });
  app.get('/', async (context) => context.html(body(agent, await statusLines(agent, await statusReport(agent)))));
  app.post('/sync', (context) => {
    const origin = context.req.header('origin');
    if (origin !== `http://${context.req.header('host')}`)
      return context.text('only the button of the page does this\n', 403);
    schedule.ask();
    return context.redirect('/', 303);
  });
  return app;
}

/** An address, not a name: a stranger's name may lead here (DNS rebinding). */
function isPlainHost(header = ''): boolean {
  const host = splitHostAddress(header)?.host ?? header;
  return host === 'localhost' || isIP(host) !== 0;
}

const body = ({ config }: Agent, lines: readonly string[]) => html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="30">
<title>${config.office}: mail</title>
<h1>${config.office}</h1>
<pre>${lines.join('\n')}</pre>
<form method="post" action="/sync"><button>Sync now</button></form>
</html>`;
