/** Device memory: blocks never overlap, begin on cache lines or share one, have memory behind them that may be read, and are used again. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceMemory } from "../../cpu/memory.ts";

const SLACK = 64;
const bytes = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 300, max: 200_000 }));

test("blocks in use lie above the scratch page, and never overlap: large ones on lines of their own, slack included, tiny ones within a line", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ bytes, free: fc.nat() }), { maxLength: 60 }), (requests) => {
      const memory = new DeviceMemory();
      const inUse: { address: number; bytes: number }[] = [];
      for (const r of requests) {
        if (r.free % 3 === 0 && inUse.length > 0) memory.free(inUse.splice(r.free % inUse.length, 1)[0]!.address);
        const address = memory.allocate(r.bytes);
        const tiny = r.bytes <= 64;
        if (tiny) expect((address % 64) + r.bytes).toBeLessThanOrEqual(64);
        expect(address % (tiny ? 16 : 64)).toBe(0);
        expect(address).toBeGreaterThanOrEqual(65536);
        expect(address + r.bytes + SLACK).toBeLessThanOrEqual(memory.memory.buffer.byteLength);
        for (const b of inUse)
          if (tiny && b.bytes <= 64) expect(address + r.bytes <= b.address || b.address + b.bytes <= address).toBe(true);
          else expect(address + r.bytes + SLACK <= b.address || b.address + b.bytes + SLACK <= address).toBe(true);
        inUse.push({ address, bytes: r.bytes });
      }
      expect(memory.bytesInUse).toBeGreaterThanOrEqual(inUse.reduce((sum, b) => sum + b.bytes, 0));
      for (const b of inUse) memory.free(b.address);
      expect(memory.bytesInUse).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test("what was freed is used again: ten thousand rounds leave the memory as large as one", () => {
  const memory = new DeviceMemory();
  const round = (): void => {
    const blocks = [100, 5000, 70_000, 1].map((n) => memory.allocate(n));
    for (const b of blocks) memory.free(b);
  };
  round();
  const size = memory.memory.buffer.byteLength;
  for (let i = 0; i < 10_000; i++) round();
  expect(memory.memory.buffer.byteLength).toBe(size);
});

test("ten thousand scalars take sixteen bytes each", () => {
  const memory = new DeviceMemory();
  const first = memory.allocate(4);
  const addresses = Array.from({ length: 10_000 }, () => memory.allocate(4));
  expect(Math.max(...addresses) - first).toBeLessThan(10_000 * 16 * 1.05);
  expect(new Set(addresses.map((a) => a >> 4)).size).toBe(10_000);
});

test("freeing what is no buffer is an error, freeing twice too", () => {
  const memory = new DeviceMemory();
  const address = memory.allocate(10);
  expect(() => memory.free(address + 64)).toThrow(/not a buffer/);
  memory.free(address);
  expect(() => memory.free(address)).toThrow(/not a buffer/);
});
