/** What a call over a link costs. Money is in whatever currency the prices are. */

export interface Tariff {
  /** Of a million bytes. */
  readonly pricePerMb?: number;
  readonly pricePerMinute?: number;
  /** Seconds: time is charged in steps of this. */
  readonly priceStep?: number;
  /** The least that a call costs once anything has travelled. */
  readonly priceMinimum?: number;
  /** Bytes are charged from this on. */
  readonly bytesMinimum?: number;
  readonly currency?: string;
}

/** What one call carried: bytes of both ways, and how long it took. */
export interface Use {
  readonly bytes: number;
  readonly seconds: number;
}

export const hasPrice = ({ pricePerMb, pricePerMinute, priceMinimum }: Tariff): boolean =>
  pricePerMb !== undefined || pricePerMinute !== undefined || priceMinimum !== undefined;

/** Bytes and time are each charged from their least amount on, time in whole steps; a call of which nothing came about is free. */
export function priceOf(tariff: Tariff, { bytes, seconds }: Use): number {
  if (bytes === 0) return 0;
  const charged = Math.max(bytes, tariff.bytesMinimum ?? 0);
  const step = tariff.priceStep ?? 0;
  const time = step > 0 ? Math.ceil(seconds / step) * step : seconds;
  const price = ((tariff.pricePerMb ?? 0) * charged) / 1e6 + ((tariff.pricePerMinute ?? 0) * time) / 60;
  return Math.max(price, tariff.priceMinimum ?? 0);
}

/** `0.48`, with the currency where there is one. */
export const moneyText = (money: number, { currency }: { readonly currency?: string | undefined }): string =>
  `${money.toFixed(2)}${currency === undefined ? '' : ` ${currency}`}`;
