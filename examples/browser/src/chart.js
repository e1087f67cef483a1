// The loss of every batch as dots, and its running mean as a curve, in an SVG of 720 x 240.
const WIDTH = 720;
const HEIGHT = 240;
const MARGIN = { left: 40, right: 10, top: 10, bottom: 26 };
/** Weight of a new batch in the running mean. */
const WEIGHT = 0.2;
/** Highest loss shown; it grows when a batch needs more. ln 10 is that of guessing. */
const CEILING = 2.5;

export class LossChart {
  #svg;
  #epochs = 1;
  #points = [];
  #mean;
  #scheduled = false;

  constructor(svg) {
    this.#svg = svg;
  }

  /** The running mean of the loss. */
  get smoothed() {
    return this.#mean;
  }

  clear(epochs) {
    this.#epochs = epochs;
    this.#points = [];
    this.#mean = undefined;
    this.#schedule();
  }

  add(epoch, loss) {
    this.#mean = this.#mean === undefined ? loss : this.#mean + WEIGHT * (loss - this.#mean);
    this.#points.push({ epoch, loss, mean: this.#mean });
    this.#schedule();
  }

  /** Batches may come faster than frames. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const top = Math.max(CEILING, ...this.#points.map(({ loss }) => loss));
    const x = (epoch) => MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * epoch) / this.#epochs;
    const y = (loss) => HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * loss) / top;
    const rows = Array.from({ length: Math.floor(top / 0.5) + 1 }, (_, i) => i / 2).map(
      (loss) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(loss)}" y2="${y(loss)}"/>` +
        `<text x="${MARGIN.left - 8}" y="${y(loss) + 4}" text-anchor="end">${loss.toFixed(1)}</text>`,
    );
    const columns = Array.from(
      { length: this.#epochs + 1 },
      (_, epoch) =>
        `<text x="${x(epoch)}" y="${HEIGHT - 6}" text-anchor="${epoch === this.#epochs ? 'end' : 'middle'}">` +
        `${epoch === this.#epochs ? `${epoch} epochs` : epoch}</text>`,
    );
    const dots = this.#points.map(({ epoch, loss }) => `<circle cx="${x(epoch)}" cy="${y(loss)}" r="1.8"/>`);
    const path = this.#points.map(({ epoch, mean }, i) => `${i === 0 ? 'M' : 'L'}${x(epoch)} ${y(mean)}`);
    this.#svg.innerHTML = `<title>Loss by epoch</title>${rows.join('')}${columns.join('')}${dots.join('')}<path d="${path.join('')}"/>`;
  }
}
