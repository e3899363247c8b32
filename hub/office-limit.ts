/** The size limits that offices have set (`hub office limits NAME mail=…`), as doors ask for them. */
import type { Routed } from '../shared/core/delivery.ts';
import type { SizeLimit } from '../shared/io/smtp-data.ts';
import type { Hub } from './hub.ts';

/** The smallest limit of the offices that a recipient's mail would wait for; undefined when none has one. */
export function officeLimit({ directory }: Hub, { deliveries }: Routed): SizeLimit | undefined {
  const limits = deliveries.flatMap(({ maildir }): readonly SizeLimit[] => {
    const office = /^office\/(.+)$/.exec(maildir)?.[1];
    const bytesMax = office === undefined ? 0 : (directory.office(office)?.limits.mailBytesMax ?? 0);
    return office !== undefined && bytesMax > 0 ? [{ office, bytesMax }] : [];
  });
  return limits.toSorted((a, b) => a.bytesMax - b.bytesMax)[0];
}
