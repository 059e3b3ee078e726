/** Charts as SVG text: a panel with axes, ticks and a grid, to which lines and points are added. Light and dark. */

/** A scale from data to pixels. */
export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const style = `
  text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #3d4451; }
  .title { font-size: 16px; font-weight: 600; fill: #171a21; }
  .card { fill: #ffffff; stroke: #dfe3ea; }
  .grid { stroke: #e7eaf0; }
  .axis { stroke: #8b93a3; fill: none; }
  .band { fill: #8b93a3; fill-opacity: 0.14; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .point { stroke: #ffffff; stroke-width: 0.8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #b7bfcd; }
    .title { fill: #f0f3f8; }
    .card { fill: #14171d; stroke: #2a303b; }
    .grid { stroke: #262c36; }
    .axis { stroke: #6d7686; }
    .point { stroke: #14171d; }
  }`;

/** A whole picture of a size in pixels, from the text of its parts. */
export function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** Text at a place in pixels. */
export function text(x: number, y: number, content: string, { anchor = "start", kind = "", turn = 0 } = {}): string {
  const turned = turn ? ` transform="rotate(${turn} ${px(x)} ${px(y)})"` : "";
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${kind && ` class="${kind}"`}${turned}>${escape(content)}</text>`;
}

/** A frame for data, with axes drawn; `parts` collects what is added. */
export class Panel {
  readonly parts: string[] = [];
  readonly #box: Box;
  readonly #x: Axis;
  readonly #y: Axis;

  constructor(title: string, box: Box, x: Axis, y: Axis) {
    [this.#box, this.#x, this.#y] = [box, x, y];
    const { left, top, width, height } = box;
    const [bottom, right] = [top + height, left + width];
    this.parts.push(text(left, top - 14, title, { kind: "title" }));
    for (const v of ticks(x)) {
      this.parts.push(`<line class="grid" x1="${this.#px(v)}" y1="${top}" x2="${this.#px(v)}" y2="${bottom}"/>`);
      this.parts.push(text(+this.#px(v), bottom + 19, label(v), { anchor: "middle" }));
    }
    for (const v of ticks(y)) {
      this.parts.push(`<line class="grid" x1="${left}" y1="${this.#py(v)}" x2="${right}" y2="${this.#py(v)}"/>`);
      this.parts.push(text(left - 8, +this.#py(v) + 4.5, label(v), { anchor: "end" }));
    }
    this.parts.push(`<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`);
    this.parts.push(text(left + width / 2, bottom + 40, x.label, { anchor: "middle" }));
    this.parts.push(text(left - 50, top + height / 2, y.label, { anchor: "middle", turn: -90 }));
  }

  line(x: readonly number[], y: readonly number[], color: string): void {
    const path = x.map((v, i) => `${i === 0 ? "M" : "L"}${this.#px(v)} ${this.#py(y[i]!)}`).join("");
    this.parts.push(`<path class="line" stroke="${color}" d="${path}"/>`);
  }

  points(x: readonly number[], y: readonly number[], color: string, radius = 3.4): void {
    const circles = x.map((v, i) => `<circle cx="${this.#px(v)}" cy="${this.#py(y[i]!)}" r="${radius}"/>`);
    this.parts.push(`<g class="point" fill="${color}">${circles.join("")}</g>`);
  }

  /** Shades what lies between two heights. */
  band(low: number, high: number): void {
    const { left, width } = this.#box;
    const [top, bottom] = [+this.#py(high), +this.#py(low)];
    this.parts.push(`<rect class="band" x="${left}" y="${px(top)}" width="${width}" height="${px(bottom - top)}"/>`);
  }

  #px(v: number): string {
    return px(this.#box.left + ((v - this.#x.from) / (this.#x.to - this.#x.from)) * this.#box.width);
  }

  #py(v: number): string {
    return px(this.#box.top + ((this.#y.to - v) / (this.#y.to - this.#y.from)) * this.#box.height);
  }
}

/** Round values, about five, inside an axis. */
export function ticks({ from, to }: Axis): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= 0.8 * rough)!;
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

const px = (v: number): string => String(+v.toFixed(2));
const label = (v: number): string => String(+v.toPrecision(6)).replace("-", "\u2212");
const escape = (s: string): string => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
