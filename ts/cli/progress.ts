/**
 * Progress on standard error: in a terminal one line with a bar that is drawn over and over, in a pipe or file a
 * plain line now and then. What a task found stays as a line of its own.
 */
import type { WriteStream } from 'node:tty';
import { duration } from '../report/format.js';

/** Milliseconds between two drawings of a bar, and between two plain lines. */
const REDRAW = 80;
const PLAIN = 10_000;

const BAR = 24;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Something that takes a while. */
export interface Task {
  /** `done` from 0 to 1; `detail` is what to know about it now; `left` are seconds, null when nobody knows. */
  update(done: number, detail?: string, left?: number | null): void;
  /** The task is over; `summary` stays on the screen. */
  end(summary: string): void;
}

export class Progress {
  readonly #stream: NodeJS.WriteStream | WriteStream;
  /** A bar is on the screen. */
  #drawn = false;

  constructor(stream: NodeJS.WriteStream | WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** A line that stays. */
  note(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawn) this.#stream.write('\r\u001b[2K');
    this.#drawn = false;
  }

  task(title: string): Task {
    const started = performance.now();
    // The first bar shows at once, the first plain line only when the task takes long.
    let shown = this.#stream.isTTY ? Number.NEGATIVE_INFINITY : started;
    return {
      update: (done, detail, secondsLeft) => {
        const now = performance.now();
        if (now - shown < (this.#stream.isTTY ? REDRAW : PLAIN)) return;
        shown = now;
        const seconds = (now - started) / 1000;
        const own = done > 0 && seconds > 1 ? (seconds / done) * (1 - done) : undefined;
        const guess = secondsLeft === undefined ? own : secondsLeft;
        const left = guess === undefined || guess === null ? undefined : `${duration(guess)} left`;
        const facts = [detail, left].filter((fact) => fact !== undefined).join(' · ');
        const share = `${Math.floor(100 * done)} %`;
        if (this.#stream.isTTY) this.#draw(`${title}  ${bar(done)} ${share.padStart(5)}  ${facts}`);
        else this.note(`${title}: ${share}${facts && `, ${facts}`}`);
      },
      end: (summary) => this.note(`${title}: ${summary}`),
    };
  }

  #draw(line: string): void {
    const columns = this.#stream.columns ?? 80;
    const cut = line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
    this.#stream.write(`\r\u001b[2K${cut}`);
    this.#drawn = true;
  }
}

function bar(done: number): string {
  const eighths = Math.floor(8 * BAR * Math.min(Math.max(done, 0), 1));
  const filled = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  return `▕${filled.padEnd(BAR)}▏`;
}
