/** What a call over a link costs, by the link's tariff in agent.toml. Money is in whatever currency the prices are. */
import type { LinkConfig } from './config.ts';

/** What one call carried: bytes of both ways, and how long it took. */
export interface Use {
  readonly bytes: number;
  readonly seconds: number;
}

export const hasPrice = ({ price_per_mb, price_per_minute, price_minimum }: LinkConfig): boolean =>
  price_per_mb !== undefined || price_per_minute !== undefined || price_minimum !== undefined;

/** Bytes and time are each charged from their least amount on, time in whole steps; a call of which nothing came about is free. */
export function priceOf(link: LinkConfig, { bytes, seconds }: Use): number {
  if (bytes === 0) return 0;
  const charged = Math.max(bytes, link.bytes_minimum ?? 0);
  const step = link.price_step ?? 0;
  const time = step > 0 ? Math.ceil(seconds / step) * step : seconds;
  const price = ((link.price_per_mb ?? 0) * charged) / 1e6 + ((link.price_per_minute ?? 0) * time) / 60;
  return Math.max(price, link.price_minimum ?? 0);
}

/** `0.48`, with the currency that the link names. */
export const moneyText = (money: number, { currency }: Pick<LinkConfig, 'currency'>): string =>
  `${money.toFixed(2)}${currency === undefined ? '' : ` ${currency}`}`;
