/**
 * Who has arrived: every peer's deliveries are counted here and by nobody else. A mail is known by its bytes from the end on;
 * what a server wrote before it does not matter.
 */
export interface Tally {
  readonly lost: number;
  /** Copies too many. */
  readonly twice: number;
  /** What arrived and was never sent, or arrived altered. */
  readonly strange: number;
}

const KEY_BYTES = 24;

const keyOf = (mail: Buffer): string => mail.toString('latin1', Math.max(0, mail.length - KEY_BYTES));

/** Each mail sent is to arrive `copies` times. */
export function tally(sent: readonly Buffer[], arrived: readonly Buffer[], copies = 1): Tally {
  const wanted = new Map<string, { readonly mail: Buffer; due: number }[]>();
  for (const mail of sent) wanted.set(keyOf(mail), [...(wanted.get(keyOf(mail)) ?? []), { mail, due: copies }]);
  let [twice, strange] = [0, 0];
  for (const mail of arrived) {
    const own = (wanted.get(keyOf(mail)) ?? []).filter((one) => mail.subarray(-one.mail.length).equals(one.mail));
    const open = own.find(({ due }) => due > 0);
    if (open) open.due -= 1;
    else if (own.length > 0) twice += 1;
    else strange += 1;
  }
  const lost = [...wanted.values()].flat().reduce((sum, { due }) => sum + due, 0);
  return { lost, twice, strange };
}
