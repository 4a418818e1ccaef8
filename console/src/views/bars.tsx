// Stacked bars, one a day, and the same as a table for whoever does not see them.

import type { Chart } from './usage.ts';
import { number } from './words.ts';

const WIDTH = 720;
const HEIGHT = 180;
const GAP = 0.25;

export function Bars({ chart, unit }: { chart: Chart; unit: string }) {
  const step = WIDTH / chart.days.length;
  return (
    <figure class="bars">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`A bar for each day, in ${unit}. The table below has the numbers.`}>
        {chart.days.map(({ day, values, sum }, n) => {
          let top = HEIGHT;
          return (
            <g key={day}>
              <title>{`${day}: ${number(sum)} ${unit}`}</title>
              {values.map((value, part) => {
                const height = chart.highest ? (value / chart.highest) * (HEIGHT - 4) : 0;
                top -= height;
                return <rect key={part} class={`part-${part % 6}`} x={n * step + (step * GAP) / 2} y={top} width={step * (1 - GAP)} height={height} />;
              })}
              <rect class="base" x={n * step + (step * GAP) / 2} y={HEIGHT - 1} width={step * (1 - GAP)} height={1} />
            </g>
          );
        })}
      </svg>
      <div class="axis" aria-hidden="true">
        <span>{chart.days[0]?.day}</span>
        <span>at most {number(chart.highest)} a day</span>
        <span>{chart.days.at(-1)?.day}</span>
      </div>
      <ul class="legend">
        {chart.parts.map((name, part) => (
          <li key={name}>
            <i class={`part-${part % 6}`} /> {name} <b>{number(chart.totals[part]!)}</b>
          </li>
        ))}
      </ul>
      <details>
        <summary>The numbers</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={`Usage by day, in ${unit}`}>
          <table data-test="usage">
            <thead>
              <tr>
                <th scope="col">Day</th>
                {chart.parts.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {chart.days
                .filter(({ sum }) => sum > 0)
                .map(({ day, values }) => (
                  <tr key={day}>
                    <th scope="row">{day}</th>
                    {values.map((value, n) => (
                      <td key={n}>{number(value)}</td>
                    ))}
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
