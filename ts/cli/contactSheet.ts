/** A contact sheet: images in rows, as a PNG image or as a page. For a dataset, a row a class; for a batch, one after another. */
import type { Dataset, Tensor } from '../index.js';
import { count, escapeHtml } from '../report/format.js';
import { renderPage } from '../report/page.js';
import { encodePng, pngUri } from '../report/png.js';
import { packageVersion } from './version.js';

/** Images with what they are called. */
export interface SheetRow {
  title: string;
  /** `[C, H, W]` of each image, and its pixels in that order. */
  shape: readonly [number, number, number];
  images: readonly ArrayLike<number>[];
}

/** Rows under a title. */
export interface SheetPart {
  title: string;
  rows: readonly SheetRow[];
}

/** A sheet in whichever form it is wanted. */
export interface Sheet {
  png(): Uint8Array;
  html(): string;
}

/** The first `each` images of every class of some datasets. */
export function contactSheet(parts: readonly { title: string; data: Dataset }[], each: number): Sheet {
  return sheetOf(
    'What the images look like',
    parts.map(({ title, data }) => ({ title, rows: classRows(data, each) })),
  );
}

/** The samples of a batch `[n, C, H, W]` as they go into training, `perRow` in a row. */
export function batchSheet(x: Tensor, labels: ArrayLike<number>, classNames?: readonly string[], perRow = 8): Sheet {
  const [n, c, h, w] = x.shape;
  const size = c * h * w;
  const rows: SheetRow[] = [];
  for (let from = 0; from < n; from += perRow) {
    const numbers = Array.from({ length: Math.min(perRow, n - from) }, (_, i) => from + i);
    rows.push({
      title: numbers.map((i) => classNames?.[labels[i]] ?? `class ${labels[i]}`).join(', '),
      shape: [c, h, w],
      images: numbers.map((i) => x.data.subarray(i * size, (i + 1) * size)),
    });
  }
  return sheetOf('A batch', [{ title: `${n} samples as they are trained on`, rows }]);
}

function classRows(data: Dataset, each: number): SheetRow[] {
  const numbers = Array.from({ length: data.classes }, (): number[] => []);
  const counts = new Array<number>(data.classes).fill(0);
  for (const [i, label] of data.labels.entries()) {
    counts[label]++;
    if (numbers[label].length < each) numbers[label].push(i);
  }
  return numbers.map((own, label) => ({
    title: `${data.classNames?.[label] ?? `class ${label}`}: ${count(counts[label])}`,
    shape: data.shape,
    images: own.map((i) => data.tensor([i]).data),
  }));
}

function sheetOf(title: string, parts: readonly SheetPart[]): Sheet {
  return {
    png: () => drawn(parts.flatMap(({ rows }) => rows)),
    html: () =>
      renderPage({
        title,
        maker: `kwta ${packageVersion()}`,
        sections: [`<h1>${escapeHtml(title)}</h1>`, ...parts.map(section)],
      }),
  };
}

function section({ title, rows }: SheetPart): string {
  const lines = rows.map(({ title: name, shape, images }) => {
    const pictures = images.map(
      (image) =>
        `<img src="${pngUri(pictured(shape), inColours(shape, image))}" width="${2 * shape[2]}" height="${2 * shape[1]}" alt="">`,
    );
    return `<h3>${escapeHtml(name)}</h3><p style="image-rendering: pixelated">${pictures.join(' ')}</p>`;
  });
  return `<section>\n<h2>${escapeHtml(title)}</h2>\n${lines.join('\n')}\n</section>`;
}

/** Pixels between images. */
const gap = 2;

/** All rows below each other, on white. */
function drawn(rows: readonly SheetRow[]): Uint8Array {
  const shown = rows.filter(({ images }) => images.length > 0);
  const height = shown.reduce((sum, { shape }) => sum + shape[1] + gap, gap);
  const width = Math.max(...shown.map(({ shape, images }) => images.length * (shape[2] + gap) + gap));
  const channels = shown.some(({ shape }) => shape[0] >= 3) ? 3 : 1;
  const pixels = new Float32Array(channels * height * width).fill(1);
  let top = gap;
  for (const { shape, images } of shown) {
    const [, h, w] = shape;
    for (const [column, image] of images.entries()) {
      const source = inColours(shape, image);
      const left = gap + column * (w + gap);
      for (let c = 0; c < channels; c++) {
        const plane = shape[0] >= 3 ? c * h * w : 0;
        for (let y = 0; y < h; y++) {
          for (let x = 0; x < w; x++) pixels[(c * height + top + y) * width + left + x] = source[plane + y * w + x];
        }
      }
    }
    top += h + gap;
  }
  return encodePng([channels, height, width], pixels);
}

/** Images of other than one or three channels show their first, or their first three. */
function pictured([channels, height, width]: readonly [number, number, number]): [number, number, number] {
  return [channels >= 3 ? 3 : 1, height, width];
}

function inColours(shape: readonly [number, number, number], image: ArrayLike<number>): ArrayLike<number> {
  const [channels, height, width] = pictured(shape);
  return Array.prototype.slice.call(image, 0, channels * height * width);
}
