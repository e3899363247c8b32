/**
 * The hub's QMTP doors. `listen.qmtp` is plain: strangers reach our own recipients, hosts of `[[allow]]` relay for their
 * office. `listen.qmtps` is TLS with an office's key, and whoever holds it relays for that office.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type AllowRule, allowRuleFor } from '../shared/core/allow.ts';
import type { Peer } from '../shared/core/delivery.ts';
import { DEFAULT_LIMITS, type Office } from '../shared/core/directory.ts';
import { refused, type Verdict } from '../shared/core/verdict.ts';
import { pskIdentityOf, pskServerOptions } from '../shared/io/psk.ts';
import type { QmtpCaller } from '../shared/io/qmtp-connection.ts';
import { type QmtpServerOptions, startQmtpServer } from '../shared/io/qmtp-server.ts';
import { tooLarge } from '../shared/io/smtp-data.ts';
import { allowRules } from './allow-rules.ts';
import type { Hub, Service } from './hub.ts';
import { deriveOfficeKey } from './office-key.ts';
import { officeLimit } from './office-limit.ts';

/** Starts what the configuration names. */
export async function startQmtp(hub: Hub): Promise<Service[]> {
  const { qmtp, qmtps } = hub.config.listen;
  const services: Service[] = [];
  const rules = allowRules(hub.config, hub.directory);
  if (qmtp)
    services.push(await start(hub, 'qmtp', { address: qmtp, caller: async (socket) => byAddress(hub, rules, socket) }));
  if (qmtps) {
    const tls = pskServerOptions((identity) => keyOf(hub, identity));
    services.push(
      await start(hub, 'qmtps', { address: qmtps, tls, caller: (socket) => byKey(hub, socket as TLSSocket) }),
    );
  }
  return services;
}

async function start(
  hub: Hub,
  name: 'qmtp' | 'qmtps',
  options: Pick<QmtpServerOptions, 'address' | 'tls' | 'caller'>,
): Promise<Service> {
  const { limits } = hub.config;
  const listener = await startQmtpServer({
    ...options,
    field: `listen.${name}`,
    place: hub.place,
    spool: hub.spool,
    now: hub.now,
    connectionsMax: limits.connections,
    perAddressMax: limits.per_address,
    recipientsMax: limits.recipients,
    idleSeconds: limits.idle,
  });
  return { name, ...listener };
}

async function byAddress(hub: Hub, rules: readonly AllowRule[], socket: Socket): Promise<QmtpCaller> {
  const address = socket.remoteAddress ?? '';
  const rule = allowRuleFor(rules, address);
  if (rule?.relay) return forOffice(hub, rule.office, () => true);
  const peer = { name: 'qmtp', relays: false };
  return {
    peer,
    name: address,
    concurrency: DEFAULT_LIMITS.concurrency,
    mailBytesMax: hub.config.limits.mail,
    tooLarge: (sender, recipient, bytes) => overLimit(hub, { peer, sender, recipient, bytes }),
  };
}

const IDENTITY = /^([0-9a-f]{16})\.(\d{1,9})$/;

/** Any well-formed identity has a key; whether it is an office's is looked up after the handshake, where one may wait. */
function keyOf(hub: Hub, identity: string): Uint8Array | undefined {
  const [, keyId, generation] = IDENTITY.exec(identity) ?? [];
  return keyId === undefined ? undefined : deriveOfficeKey(hub.secret, keyId, Number(generation));
}

async function byKey(hub: Hub, socket: TLSSocket): Promise<QmtpCaller | undefined> {
  const [, keyId, generation] = IDENTITY.exec(pskIdentityOf(socket) ?? '') ?? [];
  if (keyId === undefined) return undefined;
  await hub.directory.refresh();
  const office = hub.directory.officeOfKey(keyId);
  return office && forOffice(hub, office.name, (current) => current.generation === Number(generation));
}

function forOffice(hub: Hub, name: string, holdsKey: (office: Office) => boolean): QmtpCaller {
  const limits = hub.directory.office(name)?.limits ?? DEFAULT_LIMITS;
  const refusal = async (): Promise<Verdict | undefined> => {
    await hub.directory.refresh();
    const office = hub.directory.office(name);
    if (!office || office.revoked)
      return refused(`office ${name} has been revoked at this hub; ask its operator (#5.7.1)`);
    if (!holdsKey(office)) return refused(`the key of office ${name} has been changed; enrol again (#5.7.1)`);
    return undefined;
  };
  const peer = { name: `qmtp/${name}`, relays: true, office: name };
  return {
    peer,
    name,
    concurrency: limits.concurrency,
    mailBytesMax: Math.min(hub.config.limits.mail, limits.mailBytesMax || Number.POSITIVE_INFINITY),
    refusal,
    tooLarge: (sender, recipient, bytes) => overLimit(hub, { peer, sender, recipient, bytes }),
  };
}

interface Sized {
  readonly peer: Peer;
  readonly sender: string;
  readonly recipient: string;
  readonly bytes: number;
}

/** The limit of the office that the mail would wait for: what that office would refuse need not wait, nor travel. */
function overLimit(hub: Hub, { peer, sender, recipient, bytes }: Sized): Verdict | undefined {
  const limit = officeLimit(hub, hub.place.route(peer, sender, recipient));
  return limit && bytes > limit.bytesMax ? tooLarge(limit) : undefined;
}
