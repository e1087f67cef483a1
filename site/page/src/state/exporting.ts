/** What was found, as a picture and as data. */

import { changePicture, greyPicture, type Picture, paint } from '../draw/pictures.js';
import { cssColour } from '../draw/theme.js';
import { isFooled, lastOf, outcome, paths, plans } from './attack.js';
import { className } from './data.js';
import { image } from './image.js';
import { report } from './measures.js';
import { networks, titles } from './networks.js';
import { SIDE } from './pixels.js';
import { settings } from './settings.js';

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Everything that the page knows of the attack, the training and the table. */
export function exportJson(): void {
  const original = image.peek();
  const finding = {
    kwtaPage: 1,
    address: location.href,
    settings: settings.peek(),
    image: original && { label: original.label, class: className(original.label), pixels: Array.from(original.pixels) },
    networks: networks.peek().map(({ name, curve }) => ({ name, curve })),
    attacks: paths.peek().map((path) => ({
      network: path.network,
      outcome: outcome(path),
      fooled: isFooled(path),
      changes: lastOf(path).changes,
      points: path.points.map(({ queries, predicted, loss, probabilities }) => ({
        queries,
        predicted,
        loss,
        probabilities,
      })),
      adversarial: Array.from(lastOf(path).pixels),
    })),
    report: report.peek(),
  };
  save(new Blob([JSON.stringify(finding, null, 1)], { type: 'application/json' }), 'kwta-finding.json');
}

const scale = 6;
const margin = 24;
const picture = SIDE * scale;
const row = picture + 74;

/** Image, change and attacked image of each network, with what it sees. */
export async function exportPng(): Promise<void> {
  const original = image.peek();
  const all = paths.peek();
  if (original === undefined || all.length === 0) return;
  const { attack, epsilon } = settings.peek();
  const width = 2 * margin + 3 * picture + 2 * margin;
  const height = margin + 40 + all.length * row;
  const canvas = new OffscreenCanvas(2 * width, 2 * height);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws nothing outside of the page');
  context.scale(2, 2);
  context.imageSmoothingEnabled = false;
  context.fillStyle = cssColour('card');
  context.fillRect(0, 0, width, height);
  const write = (text: string, x: number, y: number, font: string, ink = 'ink'): void => {
    context.font = `${font} system-ui, sans-serif`;
    context.fillStyle = cssColour(ink);
    context.fillText(text, x, y, width - x - margin);
  };
  write(`${className(original.label)}, ${plans[attack].title}, ε = ${epsilon}`, margin, margin + 16, '600 18px');
  const small = document.createElement('canvas');
  for (const [i, path] of all.entries()) {
    const top = margin + 40 + i * row;
    const moved = lastOf(path).pixels;
    const pictures: Picture[] = [
      greyPicture(original.pixels, SIDE),
      changePicture(original.pixels, moved, SIDE, epsilon),
      greyPicture(moved, SIDE),
    ];
    write(outcome(path), margin, top + 18, '14px', path.network);
    for (const [j, each] of pictures.entries()) {
      paint(small, each);
      context.drawImage(small, margin + j * (picture + margin), top + 30, picture, picture);
    }
    write(
      `image, change × ${Math.round(1 / epsilon)}, attacked image of ${titles[path.network]}`,
      margin,
      top + picture + 48,
      '12px',
      'faint',
    );
  }
  save(await canvas.convertToBlob({ type: 'image/png' }), 'kwta-finding.png');
}
