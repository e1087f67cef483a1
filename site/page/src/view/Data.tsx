/** Which images there are: drawn, Fashion-MNIST, or dropped onto the page. */
import { useRef } from 'preact/hooks';
import { loadImage, type SplitRequest, split } from '../state/data.js';
import { useImage } from '../state/image.js';
import { fail, loadData, phase, problem, reset, status } from '../state/lab.js';
import { change, type Settings, settings } from '../state/settings.js';
import { Choice, Slider } from './controls.js';

async function replace(request: SplitRequest, words: string): Promise<void> {
  problem.value = '';
  status.value = words;
  try {
    await reset();
    await loadData(request);
    status.value = 'The images are there';
  } catch (error) {
    fail(error);
  }
}

function choose(data: Settings['data'], browse: () => void): void {
  const { count } = settings.peek();
  if (data === 'figures') void replace({ kind: 'figures', count }, 'Drawing figures');
  if (data === 'fashion') void replace({ kind: 'fashion', count, download: true, files: [] }, 'Fetching Fashion-MNIST');
  if (data === 'own') browse();
}

/** Files of Fashion-MNIST, a folder of images for each class, or one image to attack. */
export async function takeFiles(files: readonly { file: File; folder: string }[]): Promise<void> {
  if (files.length === 0) return;
  const idx = files.filter(({ file }) => /-(images-idx3|labels-idx1)-ubyte(\.gz)?$/.test(file.name));
  if (idx.length > 0) {
    const { count } = settings.peek();
    const request = { kind: 'fashion', count, download: false, files: idx.map(({ file }) => file) } as const;
    return replace(request, 'Reading Fashion-MNIST');
  }
  const images = files.filter(({ file }) => file.type.startsWith('image/'));
  if (images.length === 1) {
    try {
      await useImage(await loadImage(images[0].file));
    } catch (error) {
      fail(error);
    }
    return;
  }
  return replace({ kind: 'own', files: images }, 'Reading your images');
}

/** Files of what was dropped, with the folder that each lies in. */
export async function filesOf({ items }: DataTransfer): Promise<{ file: File; folder: string }[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return (await Promise.all(entries.map((entry) => filesIn(entry, '')))).flat();
}

async function filesIn(entry: FileSystemEntry, folder: string): Promise<{ file: File; folder: string }[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ file, folder }];
  }
  if (!isFolder(entry)) return [];
  const reader = entry.createReader();
  const inside: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives a hundred at a time.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) break;
    inside.push(...part);
  }
  return (await Promise.all(inside.map((each) => filesIn(each, entry.name)))).flat();
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

const names = [
  { value: 'figures', text: 'Figures' },
  { value: 'fashion', text: 'Fashion-MNIST' },
  { value: 'own', text: 'Your own' },
] as const;

export function DataChoice() {
  const input = useRef<HTMLInputElement>(null);
  const { data, count } = settings.value;
  const images = split.value;
  const pick = (): void => input.current?.click();
  return (
    <div class="data">
      <Choice label="Images" value={data} options={names} onChange={(value) => choose(value, pick)} />
      <p class="hint">
        {images === undefined
          ? 'Drawing the figures'
          : `${images.train.length} to train on, ${images.test.length} to test, ${images.train.classes} classes.`}{' '}
        <button type="button" class="link" onClick={pick}>
          Choose files
        </button>{' '}
        or drop them anywhere: the files of Fashion-MNIST, a folder of pictures for each class, or one picture to
        attack.
      </p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])].map((file) => ({ file, folder: '' }));
          currentTarget.value = '';
          void takeFiles(files);
        }}
      />
      <Slider
        label="Training images"
        value={count}
        min={1000}
        max={20_000}
        step={1000}
        text={String(count)}
        disabled={data === 'own' || phase.value === 'training'}
        onCommit={(value) => {
          change({ count: value });
          choose(data, () => {});
        }}
      />
    </div>
  );
}
