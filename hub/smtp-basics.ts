/** What all SMTP doors of the hub have in common: for strangers, and for people of headquarters. */
import type { SmtpDoorOptions } from '../shared/io/smtp-door.ts';
import type { Hub } from './hub.ts';
import { officeLimit } from './office-limit.ts';

type Basics = Omit<SmtpDoorOptions, 'field' | 'address' | 'caller' | 'checkSender'>;

export function smtpBasics(hub: Hub): Basics {
  const { hostname, domain, limits } = hub.config;
  return {
    hostname,
    domain,
    place: hub.place,
    spool: hub.spool,
    now: hub.now,
    mailBytesMax: limits.mail,
    connectionsMax: limits.connections,
    perAddressMax: limits.per_address,
    recipientsMax: limits.recipients,
    idleSeconds: limits.idle,
    limitOf: (routed) => officeLimit(hub, routed),
  };
}
