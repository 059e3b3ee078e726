/** Backends that are watched: what they hold at a time. */
import type { Backend } from "../../../kernel/backend.ts";

/** A backend that never holds more than so many bytes: what goes beyond it is an error. `most` is the most that it has held. */
export function within(device: Backend, budget = Infinity): Backend & { most: number } {
  const checked = {
    most: 0,
    name: device.name,
    get bytesInUse() {
      return device.bytesInUse;
    },
    allocate: (bytes: number) => {
      const buffer = device.allocate(bytes);
      sizes.set(buffer, bytes);
      used += bytes;
      checked.most = Math.max(checked.most, used);
      if (used > budget) throw new Error(`${used} bytes are allocated, of ${budget}`);
      return buffer;
    },
    free: (buffer: number) => {
      used -= sizes.get(buffer)!;
      device.free(buffer);
    },
    write: device.write.bind(device),
    view: device.view.bind(device),
    prepare: device.prepare.bind(device),
    dispose: () => device.dispose(),
  };
  const sizes = new Map<number, number>();
  let used = 0;
  return checked;
}
