/** Orders of axes. Inputs and results of the benchmarks are in PyTorch's; whoever computes in another turns them. */

export const NCHW_TO_NHWC = [0, 2, 3, 1];
export const NHWC_TO_NCHW = [0, 3, 1, 2];
export const OIHW_TO_HWIO = [2, 3, 1, 0];

/**
 * Reorders a tensor: axis i of the result is axis `axes[i]` of `data`.
 * @param {Float32Array} data
 * @param {number[]} shape
 * @param {number[]} axes
 */
export function transpose(data, shape, axes) {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const [d0, d1, d2, d3] = axes.map((axis) => shape[axis]);
  const [s0, s1, s2, s3] = axes.map((axis) => strides[axis]);
  const result = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < d0; i++)
    for (let j = 0; j < d1; j++)
      for (let k = 0; k < d2; k++) for (let l = 0; l < d3; l++) result[at++] = data[i * s0 + j * s1 + k * s2 + l * s3];
  return result;
}
