/** A picture on the page, with words for who does not see it. */
import { useEffect, useRef } from 'preact/hooks';
import { type Picture, paint } from '../draw/pictures.js';
import { dark } from '../draw/theme.js';

interface Props {
  /** Nothing is shown as an empty place of the same size. */
  picture: (() => Picture) | undefined;
  /** Left out where words stand beside it. */
  label?: string;
}

export function Canvas({ picture, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = dark.value;
  useEffect(() => {
    void theme;
    if (canvas.current !== null && picture !== undefined) paint(canvas.current, picture());
  });
  return (
    <canvas
      ref={canvas}
      class="picture"
      style={{ aspectRatio: '1', visibility: picture === undefined ? 'hidden' : 'visible' }}
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    />
  );
}
