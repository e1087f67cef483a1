/** Chooses the image: from the test images, drawn by hand, or dropped. */
import { useRef, useState } from 'preact/hooks';
import { greyPicture } from '../draw/pictures.js';
import { className, split } from '../state/data.js';
import { chooseImage, image, sayLabel, useImage } from '../state/image.js';
import { fail } from '../state/lab.js';
import { PIXELS, SIDE } from '../state/pixels.js';
import { settings } from '../state/settings.js';
import { Canvas } from './Canvas.js';

/** Test images that are offered at once. */
const offered = 12;

export function Images() {
  const test = split.value?.test;
  const { image: chosen, drawn } = settings.value;
  const [start, setStart] = useState(Math.floor(chosen / offered) * offered);
  const [drawing, setDrawing] = useState(false);
  const most = test === undefined ? 0 : Math.max(0, test.length - offered);
  // Another set may have fewer.
  const first = Math.min(start, most);
  const shown = test === undefined ? [] : Array.from({ length: Math.min(offered, test.length) }, (_, i) => first + i);
  const select = (number: number): void => {
    setDrawing(false);
    chooseImage(number);
  };
  return (
    <div class="images">
      <fieldset class="strip">
        <legend class="hidden">Image to attack</legend>
        {Array.from({ length: offered }, (_, i) => {
          const number = shown[i];
          const pixels = number === undefined ? undefined : test?.tensor([number]).data;
          const name = number === undefined || test === undefined ? '' : className(test.labels[number]);
          return (
            <button
              key={i}
              type="button"
              class="thumb"
              aria-pressed={drawn === '' && number === chosen}
              aria-label={`Test image ${(number ?? 0) + 1}: ${name}`}
              title={name}
              disabled={number === undefined}
              onClick={() => number !== undefined && select(number)}
            >
              <Canvas picture={pixels && (() => greyPicture(pixels, SIDE))} />
            </button>
          );
        })}
      </fieldset>
      <div class="transport">
        <button type="button" disabled={first === 0} onClick={() => setStart(Math.max(0, first - offered))}>
          Earlier
        </button>
        <button type="button" disabled={first >= most} onClick={() => setStart(Math.min(most, first + offered))}>
          More images
        </button>
        <button type="button" aria-expanded={drawing} onClick={() => setDrawing(!drawing)}>
          Draw one
        </button>
        {drawn === '' ? null : (
          <label class="own-label">
            It shows{' '}
            <select
              value={String(image.value?.label ?? 0)}
              onChange={({ currentTarget }) => sayLabel(Number(currentTarget.value))}
            >
              {Array.from({ length: test?.classes ?? 0 }, (_, label) => (
                <option key={label} value={String(label)}>
                  {className(label)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {drawing ? <Pad /> : null}
    </div>
  );
}

/** A pad of 28 x 28 pixels: by pointer, or by arrow keys and space. */
function Pad() {
  const pixels = useRef(new Float32Array(PIXELS));
  const [cursor, setCursor] = useState({ x: SIDE / 2, y: SIDE / 2 });
  const [strokes, setStrokes] = useState(0);
  const dab = (x: number, y: number): void => {
    for (let j = 0; j < SIDE; j++) {
      for (let i = 0; i < SIDE; i++) {
        const ink = Math.max(0, 1 - Math.hypot(i + 0.5 - x, j + 0.5 - y) / 1.8);
        const at = j * SIDE + i;
        pixels.current[at] = Math.min(0.85, Math.max(pixels.current[at], 1.4 * ink));
      }
    }
    setStrokes((count) => count + 1);
  };
  const commit = (): void => void useImage(pixels.current).catch(fail);
  const place = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    dab(((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE);
  };
  const steer = (event: KeyboardEvent): void => {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    if (move !== undefined) {
      const clamp = (value: number): number => Math.min(SIDE - 1, Math.max(0, value));
      setCursor({ x: clamp(cursor.x + move[0]), y: clamp(cursor.y + move[1]) });
    } else if (event.key === ' ' || event.key === 'Enter') {
      dab(cursor.x + 0.5, cursor.y + 0.5);
      commit();
    } else return;
    event.preventDefault();
  };
  const drawn = pixels.current;
  return (
    <div class="pad">
      <button
        type="button"
        class="sheet"
        aria-label={`Drawing pad, column ${cursor.x + 1}, row ${cursor.y + 1}. Arrow keys move, space draws.`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          place(event);
        }}
        onPointerMove={(event) => {
          if (event.buttons > 0) place(event);
        }}
        onPointerUp={commit}
        onKeyDown={steer}
      >
        <Canvas key={strokes} picture={() => greyPicture(drawn, SIDE)} />
        <span class="cursor" style={{ left: `${(100 * cursor.x) / SIDE}%`, top: `${(100 * cursor.y) / SIDE}%` }} />
      </button>
      <div>
        <p class="hint">Draw with pointer or finger, or with the arrow keys and space. Then say what it shows.</p>
        <button
          type="button"
          onClick={() => {
            pixels.current = new Float32Array(PIXELS);
            setStrokes(strokes + 1);
            commit();
          }}
        >
          Clear
        </button>
      </div>
    </div>
  );
}
