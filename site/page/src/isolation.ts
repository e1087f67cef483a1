/**
 * The service worker: it keeps the page for when there is no network, and adds the two headers that shared memory needs
 * where a host does not send them. The page then has to be loaded once more, before anything has been done in it.
 *
 * `kwta page` sends the headers itself, and all is loaded when the page starts: there it would only be in the way of what
 * else is served on that port some day.
 */

const ownMachine = ['localhost', '127.0.0.1', '[::1]'];

const reloaded = 'kwta-page-reloaded';

/** Whether the page may start; false when it is being loaded again. */
export async function isolated(): Promise<boolean> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return true;
  if (crossOriginIsolated && ownMachine.includes(location.hostname) && !navigator.serviceWorker.controller) return true;
  try {
    const registering = navigator.serviceWorker.register('./sw.js', { scope: './' });
    if (crossOriginIsolated || sessionStorage.getItem(reloaded) !== null) {
      registering.catch(() => {});
      return true;
    }
    const registration = await registering;
    sessionStorage.setItem(reloaded, 'yes');
    await active(registration);
    location.reload();
    return false;
  } catch {
    // Without one, it runs on one thread and needs the network to be opened.
    return true;
  }
}

/** Resolves when the worker answers for the page. */
function active({ installing, waiting, active }: ServiceWorkerRegistration): Promise<void> {
  const worker = installing ?? waiting ?? active;
  return new Promise((resolve) => {
    const look = (): void => {
      if (worker === null || worker.state === 'activated' || worker.state === 'redundant') resolve();
    };
    worker?.addEventListener('statechange', look);
    look();
  });
}
