/** SIGTERM and SIGINT ask a program to finish or safely drop what is in hand. A second one is left to the system. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
