/** What a call over a link of agent.toml costs. */
import * as tariff from '../shared/core/tariff.ts';
import type { LinkConfig } from './config.ts';

export { moneyText } from '../shared/core/tariff.ts';

/** The prices of a link. */
export const tariffOf = (link: LinkConfig): tariff.Tariff => ({
  ...(link.price_per_mb === undefined ? {} : { pricePerMb: link.price_per_mb }),
  ...(link.price_per_minute === undefined ? {} : { pricePerMinute: link.price_per_minute }),
  ...(link.price_step === undefined ? {} : { priceStep: link.price_step }),
  ...(link.price_minimum === undefined ? {} : { priceMinimum: link.price_minimum }),
  ...(link.bytes_minimum === undefined ? {} : { bytesMinimum: link.bytes_minimum }),
  ...(link.currency === undefined ? {} : { currency: link.currency }),
});

export const hasPrice = (link: LinkConfig): boolean => tariff.hasPrice(tariffOf(link));

export const priceOf = (link: LinkConfig, use: tariff.Use): number => tariff.priceOf(tariffOf(link), use);
