/** Starts the page, in parts: none of them holds the browser up for long. */
import { isolated } from './isolation.js';

const place = document.getElementById('page');
if (place !== null && (await isolated())) {
  await import('./package.js');
  await new Promise((resolve) => setTimeout(resolve));
  const { open } = await import('./app.js');
  await new Promise((resolve) => setTimeout(resolve));
  await open(place);
}
