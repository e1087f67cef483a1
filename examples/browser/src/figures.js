// Pairs of images, before and after an attack, with what the network sees in them.

export function drawFigures(list, figures) {
  list.replaceChildren(
    ...figures.map(({ label, before, after }) => {
      const item = document.createElement('li');
      const title = document.createElement('h3');
      title.textContent = label;
      item.append(title, panel(before, 'as it is'), panel(after, 'attacked'));
      return item;
    }),
  );
}

function panel({ image, seen, right }, how) {
  const figure = document.createElement('figure');
  figure.className = right ? 'right' : 'wrong';
  const caption = document.createElement('figcaption');
  caption.textContent = seen;
  caption.title = `${how}: seen as ${seen}`;
  figure.append(canvasOf(image), caption);
  return figure;
}

function canvasOf({ width, height, pixels }) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const rgba = new ImageData(width, height);
  for (const [i, pixel] of pixels.entries()) {
    rgba.data.fill(Math.round(255 * pixel), 4 * i, 4 * i + 3);
    rgba.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(rgba, 0, 0);
  return canvas;
}
