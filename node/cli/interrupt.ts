import { WattmeshError } from '../util/errors.ts';

/** Runs work with a signal that ends it when the user or the system ends this command; the work cleans up after itself. */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    const message = `interrupted by ${name}`;
    controller.abort(new WattmeshError({ code: 'INTERRUPTED', message, remedy: '' }));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
