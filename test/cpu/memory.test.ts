/** Device memory: blocks never overlap, begin on cache lines or share one, have memory behind them that may be read, are used again, and are joined. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceMemory } from "../../cpu/memory.ts";
import { OutOfMemory } from "../../kernel/backend.ts";

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

/** A memory that does not grow, and how many bytes its heap has. */
function small(): { readonly memory: DeviceMemory; readonly heap: number } {
  const memory = new DeviceMemory();
  memory.memory.grow = () => {
    throw new RangeError("no more pages");
  };
  return { memory, heap: memory.memory.buffer.byteLength - 65536 };
}

test("memory runs out only where no gap between blocks in use is large enough; when all of them are freed, one block can have everything", () => {
  const request = fc.record({ bytes: fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 65, max: 60_000 })), free: fc.nat() });
  let ranOut = 0;
  fc.assert(
    fc.property(fc.array(request, { minLength: 20, maxLength: 200 }), (requests) => {
      const { memory, heap } = small();
      const inUse: { address: number; bytes: number }[] = [];
      for (const r of requests) {
        if (r.free % 2 === 0 && inUse.length > 0) memory.free(inUse.splice(r.free % inUse.length, 1)[0]!.address);
        try {
          const address = memory.allocate(r.bytes);
          expect(address + r.bytes + SLACK).toBeLessThanOrEqual(65536 + heap);
          for (const b of inUse) expect(address + r.bytes <= b.address || b.address + b.bytes <= address).toBe(true);
          inUse.push({ address, bytes: r.bytes });
        } catch (error) {
          ranOut++;
          expect(error).toBeInstanceOf(OutOfMemory);
          // The most that each can take: a tiny one a sheet that it lies in somewhere, others an eighth more, and less than a line and what is not cut off.
          const taken = inUse.map(({ address, bytes }) =>
            bytes <= 64 ? [address - 4300, address + 4300] : [address, address + bytes * 1.125 + 320],
          );
          taken.push([65536 + heap, 0]);
          taken.sort(([a], [b]) => a! - b!);
          let end = 65536;
          for (const [from, to] of taken) {
            expect(from! - end).toBeLessThan(r.bytes + 2 * SLACK);
            end = Math.max(end, to!);
          }
          expect(Number(/(\d+) free in one piece/.exec(String(error))![1])).toBeLessThan(r.bytes);
        }
      }
      for (const b of inUse) memory.free(b.address);
      expect(memory.allocate(heap - SLACK)).toBe(65536);
    }),
    { numRuns: 200, seed: 7 },
  );
  expect(ranOut).toBeGreaterThan(100);
});

test("a block that grows by moving may have what all the smaller ones left behind", () => {
  const memory = new DeviceMemory();
  let bytes = 50e6;
  let old = memory.allocate(bytes);
  for (; bytes < 1e9; bytes = Math.ceil(bytes * 1.13)) {
    const moved = memory.allocate(bytes);
    memory.free(old);
    old = moved;
  }
  expect(memory.bytesInUse).toBeGreaterThan(0.88e9);
});

test("where there is no room, the message tells whether memory is full or in pieces, and who ends it", () => {
  const { memory, heap } = small();
  const blocks = Array.from({ length: 12 }, () => memory.allocate(16_000));
  for (let i = 0; i < blocks.length; i += 2) memory.free(blocks[i]!);
  expect(() => memory.allocate(40_000)).toThrow(
    /^out of memory: 40000 bytes asked for, 98304 in use, 16320 free in one piece; the host lets memory end at 262144$/,
  );
  for (let i = 1; i < blocks.length; i += 2) memory.free(blocks[i]!);
  expect(() => memory.allocate(heap)).toThrow(/0 in use, 196544 free in one piece/);
  expect(() => new DeviceMemory().allocate(2 ** 32)).toThrow(
    /0 in use, 4294901696 free in one piece; WebAssembly memory ends at 4294967296$/,
  );
});

test("freeing what is no buffer is an error, freeing twice too", () => {
  const memory = new DeviceMemory();
  const address = memory.allocate(10);
  expect(() => memory.free(address + 64)).toThrow(/not a buffer/);
  memory.free(address);
  expect(() => memory.free(address)).toThrow(/not a buffer/);
});
