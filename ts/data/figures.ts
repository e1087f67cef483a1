/** The ten figures of the synthetic dataset, as polylines in [-1, 1] x [-1, 1] (x to the right, y down). */

/** `[x, y]`. */
export type Point = [number, number];

/** One class: its name and the lines that draw it. */
export interface Figure {
  name: string;
  strokes: readonly Point[][];
}

// One step round a circle: 15 degrees.
const COS_STEP = 0.9659258262890683;
const SIN_STEP = 0.25881904510252074;

/** Points every 15 degrees, `steps` times, while the radius goes evenly from `inner` to `outer`. */
function turn(steps: number, inner: number, outer: number): Point[] {
  const points: Point[] = [];
  let direction: Point = [1, 0];
  for (let i = 0; i <= steps; i++) {
    const radius = inner + ((outer - inner) * i) / steps;
    points.push([radius * direction[0], radius * direction[1]]);
    const [x, y] = direction;
    direction = [COS_STEP * x - SIN_STEP * y, SIN_STEP * x + COS_STEP * y];
  }
  return points;
}

/** Class `i` of the dataset is the `i`-th figure. */
export const FIGURES: readonly Figure[] = [
  { name: 'ring', strokes: [turn(24, 0.95, 0.95)] },
  {
    name: 'square',
    strokes: [
      [
        [-0.85, -0.85],
        [0.85, -0.85],
        [0.85, 0.85],
        [-0.85, 0.85],
        [-0.85, -0.85],
      ],
    ],
  },
  {
    name: 'triangle',
    strokes: [
      [
        [0, -0.95],
        [0.95, 0.8],
        [-0.95, 0.8],
        [0, -0.95],
      ],
    ],
  },
  {
    name: 'cross',
    strokes: [
      [
        [-0.9, -0.9],
        [0.9, 0.9],
      ],
      [
        [0.9, -0.9],
        [-0.9, 0.9],
      ],
    ],
  },
  {
    name: 'tee',
    strokes: [
      [
        [-0.95, -0.9],
        [0.95, -0.9],
      ],
      [
        [0, -0.9],
        [0, 1],
      ],
    ],
  },
  {
    name: 'arrow',
    strokes: [
      [
        [-1, 0],
        [1, 0],
      ],
      [
        [0.3, -0.7],
        [1, 0],
        [0.3, 0.7],
      ],
    ],
  },
  {
    name: 'zigzag',
    strokes: [
      [
        [-1, 0.6],
        [-0.5, -0.6],
        [0, 0.6],
        [0.5, -0.6],
        [1, 0.6],
      ],
    ],
  },
  {
    name: 'bars',
    strokes: [
      [
        [-0.5, -0.95],
        [-0.5, 0.95],
      ],
      [
        [0.5, -0.95],
        [0.5, 0.95],
      ],
    ],
  },
  { name: 'spiral', strokes: [turn(42, 0.05, 1)] },
  {
    name: 'hourglass',
    strokes: [
      [
        [-0.8, -0.95],
        [0.8, -0.95],
        [-0.8, 0.95],
        [0.8, 0.95],
        [-0.8, -0.95],
      ],
    ],
  },
];
