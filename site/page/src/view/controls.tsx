/** Small parts that settings are made of, each with its label. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; text: string }[];
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      <div>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={id}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Slider({
  label,
  value,
  min,
  max,
  step,
  text,
  disabled,
  onChange,
  onCommit,
}: {
  label: ComponentChildren;
  value: number;
  min: number;
  max: number;
  step: number;
  text: string;
  disabled?: boolean;
  onChange?: (value: number) => void;
  /** When the slider is let go. */
  onCommit?: (value: number) => void;
}) {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{text}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        aria-valuetext={text}
        onInput={({ currentTarget }) => onChange?.(Number(currentTarget.value))}
        onChange={({ currentTarget }) => onCommit?.(Number(currentTarget.value))}
      />
    </div>
  );
}

/** A part of a length, for a style. */
export function share(part: number): string {
  return `${100 * part}%`;
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}
